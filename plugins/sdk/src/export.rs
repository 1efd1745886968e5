//! The binary interface of a stage, which [`export_stage!`](crate::export_stage) puts into the library.

use std::cell::RefCell;
use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;

use crate::Stage;
use crate::abi::{self, Host};
use crate::answer::{answer, failure};
use crate::context::Wire;

/// The transport to the host
struct Hosted(*const Host);

impl Hosted {
    fn host(&self) -> Option<&Host> {
        // SAFETY: the host's pointer is valid until the call is over.
        unsafe { self.0.as_ref() }
    }
}

impl Wire for Hosted {
    fn emit(&self, message: &Value) -> i32 {
        let text = message.to_string();
        // SAFETY: the text lives until the function returns.
        self.host().map_or(abi::ERR, |host| unsafe { (host.emit)(self.0, text.as_ptr().cast(), text.len()) })
    }

    fn effect(&self, message: &Value) -> i32 {
        let text = message.to_string();
        // SAFETY: as above.
        self.host()
            .map_or(abi::ERR, |host| unsafe { (host.effect)(self.0, text.as_ptr().cast(), text.len()) })
    }

    fn is_cancelled(&self) -> bool {
        // SAFETY: as above.
        self.host().is_some_and(|host| unsafe { (host.cancelled)(self.0) } != 0)
    }
}

/// # Safety
/// Must be called by a host as the header requires.
pub unsafe extern "C" fn create(host: *const Host, ctx: *mut *mut c_void) -> i32 {
    if host.is_null() || ctx.is_null() {
        return abi::ERR;
    }
    // SAFETY: the first 16 bytes are the same in every version.
    let [magic, versions, size, _] = unsafe { std::ptr::read_unaligned(host.cast::<[u32; 4]>()) };
    let [low, high] = [(versions & 0xffff) as u16, (versions >> 16) as u16];
    let major = if cfg!(target_endian = "little") { low } else { high };
    // Later minor versions only append.
    if magic != abi::MAGIC || major != abi::ABI_MAJOR || (size as usize) < size_of::<Host>() {
        return abi::ERR;
    }
    // SAFETY: neither is null, and the host outlives the call.
    unsafe { *ctx = host.cast_mut().cast() };
    abi::OK
}

thread_local! {
    /// The location and the message of the current panic
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// # Safety
/// Must be called by a host as the header requires.
pub unsafe extern "C" fn call<S: Stage>(ctx: *mut c_void, request: *const c_char, len: usize) -> i32 {
    let wire = Hosted(ctx.cast_const().cast());
    if request.is_null() {
        return abi::ERR;
    }
    // SAFETY: the host lends the text until we return.
    let request: &[u8] = unsafe { std::slice::from_raw_parts(request.cast(), len) };
    // This library has its own copy of the standard library, and so its own panic hook.
    std::panic::set_hook(Box::new(|panic| {
        let said = format!("the plugin panicked: {panic}").replace('\n', " ");
        PANIC.with(|kept| *kept.borrow_mut() = Some(said));
    }));
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| answer::<S>(&wire, request))) {
        // Dropping the payload could panic again.
        std::mem::forget(payload);
        let said =
            PANIC.with(|kept| kept.borrow_mut().take()).unwrap_or_else(|| "the plugin panicked".to_owned());
        wire.emit(&failure("panic", &said, None));
    }
    abi::OK
}

/// Makes a type that implements [`Stage`](crate::Stage) the library's plugin.
#[macro_export]
macro_rules! export_stage {
    ($stage:ty) => {
        const _: () = {
            static MARKER: &::std::ffi::CStr = c"pyrelease-stage-abi=1;";
            static BUILT_WITH: &::std::ffi::CStr = c"pyrelease-plugin for Rust";
            static PLUGIN: $crate::abi::Plugin = $crate::abi::Plugin {
                magic: $crate::abi::MAGIC,
                abi_major: $crate::abi::ABI_MAJOR,
                abi_minor: $crate::abi::ABI_MINOR,
                struct_size: ::std::mem::size_of::<$crate::abi::Plugin>() as u32,
                flags: 0,
                marker: MARKER.as_ptr(),
                built_with: BUILT_WITH.as_ptr(),
                create: Some($crate::export::create),
                call: Some($crate::export::call::<$stage>),
                cancel: None,
                destroy: None,
            };

            #[unsafe(no_mangle)]
            extern "C" fn pyrelease_stage_plugin() -> *const $crate::abi::Plugin {
                &PLUGIN
            }
        };
    };
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::{Context, Descriptor, Outputs, Request, Result};

    struct Plain;

    impl Stage for Plain {
        type Config = Value;

        fn describe() -> Descriptor {
            Descriptor::new("plain", "1.0.0")
        }

        fn run(_: &Context, _: &Request<Value>) -> Result<Outputs> {
            Ok(Outputs::default())
        }
    }

    unsafe extern "C" fn emit(host: *const Host, json: *const c_char, len: usize) -> i32 {
        // SAFETY: the test's host, whose data is the list below, and a text of that length.
        let (said, json) = unsafe {
            (&*(*host).data.cast::<RefCell<Vec<String>>>(), std::slice::from_raw_parts(json.cast(), len))
        };
        said.borrow_mut().push(String::from_utf8_lossy(json).into_owned());
        abi::OK
    }

    unsafe extern "C" fn effect(_: *const Host, _: *const c_char, _: usize) -> i32 {
        abi::REFUSED
    }

    unsafe extern "C" fn cancelled(_: *const Host) -> i32 {
        0
    }

    /// The answer to a host with these versions; `None` if the plugin refuses the host.
    fn described(abi_major: u16, abi_minor: u16, struct_size: usize) -> Option<String> {
        let said = RefCell::new(Vec::new());
        let host = Host {
            magic: abi::MAGIC,
            abi_major,
            abi_minor,
            struct_size: struct_size as u32,
            flags: 0,
            data: (&raw const said).cast_mut().cast(),
            emit,
            effect,
            cancelled,
        };
        let mut ctx = std::ptr::null_mut();
        let request = r#"{"method":"describe","params":{}}"#;
        // SAFETY: like a host; both live until the call returns.
        unsafe {
            if create(&raw const host, &raw mut ctx) != abi::OK {
                return None;
            }
            assert_eq!(call::<Plain>(ctx, request.as_ptr().cast(), request.len()), abi::OK);
        }
        said.into_inner().pop()
    }

    #[test]
    fn it_lives_in_a_host_of_the_first_version_and_in_every_later_minor_one() {
        for (minor, size) in [(0, size_of::<Host>()), (7, size_of::<Host>() + 64)] {
            let said = described(1, minor, size).expect("a host that it can live in");
            assert!(said.contains("\"ok\":true") && said.contains("\"plain\""), "{said}");
        }
        assert_eq!(described(2, 0, size_of::<Host>()), None);
        assert_eq!(described(1, 0, size_of::<Host>() - 8), None);
    }
}
