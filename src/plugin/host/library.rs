//! The binary interface: loads the library, checks its table and calls its functions. All `unsafe` code of the host is
//! here.

#![allow(unsafe_code, reason = "calls a library in another language")]

use std::ffi::{CStr, c_char, c_void};
use std::io::{self, Read, Write};
use std::path::Path;
use std::ptr;
use std::sync::Arc;

use pyrelease_plugin::abi::{self, Entry, Host, Plugin};

use super::shared::{Shared, Verdict};

/// Padding before the request: a plugin that frees the request by mistake crashes at once
const LEAD: usize = 16;
/// Bytes of a library that are searched for its marker at once
const PIECE: usize = 256 << 10;
/// The longest marker, in bytes
const LONGEST_MARK: usize = 64;

/// Checks that the file is marked as a plugin for this version, before any of its code runs.
///
/// # Errors
/// The file is not a plugin, or one for another version.
pub(super) fn expect_marker(file: &Path) -> Result<(), String> {
    let mut file = fs_err::File::open(file).map_err(|error| error.to_string())?;
    let key = &abi::MARKER.as_bytes()[..abi::MARKER.find('=').map_or(0, |at| at + 1)];
    let mut other = None;
    // In pieces, because a library may have many megabytes and every call reads it.
    let (mut buffer, mut kept) = (vec![0; PIECE], 0);
    loop {
        let read = file.read(&mut buffer[kept..]).map_err(|error| error.to_string())?;
        if read == 0 {
            break;
        }
        let bytes = &buffer[..kept + read];
        for at in memchr::memmem::find_iter(bytes, key) {
            let rest = &bytes[at + key.len()..];
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 || rest.get(digits) != Some(&b';') {
                continue;
            }
            let major = String::from_utf8_lossy(&rest[..digits]).into_owned();
            if major == abi::ABI_MAJOR.to_string() {
                return Ok(());
            }
            other = Some(major);
        }
        // A marker may span two pieces.
        let end = kept + read;
        kept = end.min(LONGEST_MARK);
        buffer.copy_within(end - kept..end, 0);
    }
    Err(match other {
        Some(major) => format!(
            "it was built for version {major} of the plugin interface, but this pyrelease has version {}",
            abi::ABI_MAJOR
        ),
        None => "it is not a pyrelease plugin: the file does not contain the marker".to_owned(),
    })
}

/// A library with a valid table
pub(super) struct Loaded {
    plugin: &'static Plugin,
}

/// Loads the library and never unloads it: its threads may run until the process ends.
///
/// # Errors
/// The library cannot be loaded, or its table is not valid.
pub(super) fn load(file: &Path) -> Result<Loaded, String> {
    let library = open(file).map_err(|error| cause_message(&error))?;
    // SAFETY: the plugin must keep its promises; one that does not can only crash this process.
    let entry = unsafe { library.get::<Entry>(abi::ENTRY).map(|entry| *entry) };
    let entry = entry.map_err(|error| cause_message(&error))?;
    std::mem::forget(library);
    // SAFETY: as above.
    let plugin = unsafe { entry() };
    if plugin.is_null() {
        return Err("its entry function returned no table".to_owned());
    }
    // SAFETY: the first 16 bytes are the same in every version; the rest is read only after they are checked.
    let [magic, versions, size, _] = unsafe { ptr::read_unaligned(plugin.cast::<[u32; 4]>()) };
    let [low, high] = [(versions & 0xffff) as u16, (versions >> 16) as u16];
    let (major, minor) = if cfg!(target_endian = "little") { (low, high) } else { (high, low) };
    if magic != abi::MAGIC {
        return Err(format!("its table must begin with {:#010x}, not {magic:#010x}", abi::MAGIC));
    }
    if major != abi::ABI_MAJOR {
        return Err(format!(
            "it has version {major} of the plugin interface, but this pyrelease has {}",
            abi::ABI_MAJOR
        ));
    }
    if minor > abi::ABI_MINOR {
        return Err(format!(
            "it needs version {major}.{minor} of the plugin interface, but this pyrelease has {}.{}",
            abi::ABI_MAJOR,
            abi::ABI_MINOR
        ));
    }
    if (size as usize) < size_of::<Plugin>() {
        return Err(format!("its table has {size} bytes, but must have at least {}", size_of::<Plugin>()));
    }
    // SAFETY: the magic, version and size are those of this table, and the library is never unloaded.
    let plugin = unsafe { &*plugin };
    if plugin.create.is_none() || plugin.call.is_none() {
        return Err("its table has no `create` or no `call`".to_owned());
    }
    Ok(Loaded { plugin })
}

/// The system's message, which is in the cause.
fn cause_message(error: &libloading::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(unix)]
fn open(file: &Path) -> Result<libloading::Library, libloading::Error> {
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
    // SAFETY: constructors run here, in a process that exists for this. All symbols are resolved now: a missing one
    // would otherwise crash the process in the middle of an effect.
    unsafe { Library::open(Some(file), RTLD_NOW | RTLD_LOCAL).map(Into::into) }
}

#[cfg(not(unix))]
fn open(file: &Path) -> Result<libloading::Library, libloading::Error> {
    // SAFETY: as on Unix.
    unsafe { libloading::Library::new(file) }
}

impl Loaded {
    /// What the library was built with, as it reports.
    pub(super) fn built_with(&self) -> String {
        if self.plugin.built_with.is_null() {
            return String::new();
        }
        // SAFETY: a NUL-terminated text, by the header.
        unsafe { CStr::from_ptr(self.plugin.built_with) }.to_string_lossy().into_owned()
    }

    /// Calls the library's `create`.
    ///
    /// # Errors
    /// `create` failed.
    pub(super) fn create(&self, shared: Arc<Shared>) -> Result<Instance, String> {
        let host: &'static Host = Box::leak(Box::new(Host {
            magic: abi::MAGIC,
            abi_major: abi::ABI_MAJOR,
            abi_minor: abi::ABI_MINOR,
            struct_size: size_of::<Host>() as u32,
            flags: 0,
            data: Arc::into_raw(shared).cast_mut().cast(),
            emit,
            effect,
            cancelled,
        }));
        let mut ctx = ptr::null_mut();
        let create = self.plugin.create.ok_or("its table has no `create`")?;
        // SAFETY: on the main thread, once, with a host that is never freed.
        let code = unsafe { create(host, &raw mut ctx) };
        match code {
            abi::OK => Ok(Instance { plugin: self.plugin, ctx }),
            _ => Err(format!("its `create` returned {code}")),
        }
    }
}

/// An initialised library
pub(super) struct Instance {
    plugin: &'static Plugin,
    ctx: *mut c_void,
}

/// Asks a running library to stop
struct Cancel {
    function: Option<unsafe extern "C" fn(*mut c_void)>,
    ctx: *mut c_void,
}

// SAFETY: the header allows `cancel` from another thread.
unsafe impl Send for Cancel {}

impl Cancel {
    fn cancel(&self) {
        if let Some(function) = self.function {
            // SAFETY: while `call` runs, as the header requires.
            unsafe { function(self.ctx) };
        }
    }
}

impl Instance {
    /// Asks the library to stop, from another thread.
    pub(super) fn cancel(&self) -> impl Fn() + Send + use<> {
        let cancel = Cancel { function: self.plugin.cancel, ctx: self.ctx };
        move || cancel.cancel()
    }

    pub(super) fn call(&self, request: &str) -> i32 {
        let mut buffer = vec![0; LEAD];
        buffer.extend_from_slice(request.as_bytes());
        let text = &buffer[LEAD..];
        match self.plugin.call {
            // SAFETY: on the main thread, once, with a text that lives until it returns.
            Some(call) => unsafe { call(self.ctx, text.as_ptr().cast(), text.len()) },
            None => abi::ERR,
        }
    }

    pub(super) fn destroy(self) {
        if let Some(destroy) = self.plugin.destroy {
            // SAFETY: on the main thread, once, after `call`.
            unsafe { destroy(self.ctx) };
        }
    }
}

/// The message that a plugin passed, and the host's shared state; `None` if an argument is not valid.
///
/// # Safety
/// `host` is the one that was passed to the plugin.
unsafe fn borrow_message<'a>(
    host: *const Host,
    json: *const c_char,
    len: usize,
) -> Option<(&'a Shared, &'a [u8])> {
    if json.is_null() || len > isize::MAX as usize {
        return None;
    }
    // SAFETY: pointer and length describe a text that the plugin lends until we return.
    Some((unsafe { shared(host) }?, unsafe { std::slice::from_raw_parts(json.cast(), len) }))
}

/// # Safety
/// As [`borrow_message`].
unsafe fn shared<'a>(host: *const Host) -> Option<&'a Shared> {
    // SAFETY: the host is ours and never freed, and so is its data.
    unsafe { host.as_ref()?.data.cast::<Shared>().as_ref() }
}

unsafe extern "C" fn emit(host: *const Host, json: *const c_char, len: usize) -> i32 {
    // SAFETY: plugins pass the host that they were given.
    match unsafe { borrow_message(host, json, len) } {
        Some((shared, bytes)) if shared.emit(bytes).is_ok() => abi::OK,
        _ => abi::ERR,
    }
}

unsafe extern "C" fn effect(host: *const Host, json: *const c_char, len: usize) -> i32 {
    // SAFETY: as above.
    let Some((shared, bytes)) = (unsafe { borrow_message(host, json, len) }) else { return abi::ERR };
    match shared.effect(bytes) {
        Ok(Verdict::Act) => abi::OK,
        Ok(Verdict::Refused) => abi::REFUSED,
        Ok(Verdict::Cancelled) => abi::CANCELLED,
        Err(()) => abi::ERR,
    }
}

unsafe extern "C" fn cancelled(host: *const Host) -> i32 {
    // SAFETY: as above.
    unsafe { shared(host) }.is_some_and(Shared::is_cancelled).into()
}

/// Moves the pipes to pyrelease away from standard input and output: what the library prints goes to standard error,
/// and its standard input is empty.
#[cfg(unix)]
pub(super) fn redirect_pipes() -> io::Result<(Box<dyn Read + Send>, Box<dyn Write + Send>)> {
    use rustix::stdio::{dup2_stdin, dup2_stdout};
    let aside = |stream: rustix::fd::BorrowedFd<'_>| rustix::io::fcntl_dupfd_cloexec(stream, 3);
    let input = fs_err::File::from_parts(aside(rustix::stdio::stdin())?.into(), "the pipe from pyrelease");
    let output = fs_err::File::from_parts(aside(rustix::stdio::stdout())?.into(), "the pipe to pyrelease");
    dup2_stdout(rustix::stdio::stderr())?;
    dup2_stdin(fs_err::File::open("/dev/null")?.into_file())?;
    Ok((Box::new(input), Box::new(output)))
}

#[cfg(not(unix))]
pub(super) fn redirect_pipes() -> io::Result<(Box<dyn Read + Send>, Box<dyn Write + Send>)> {
    Ok((Box::new(io::stdin()), Box::new(io::stdout())))
}

/// Ends the process at once, after flushing C's buffers. Destructors do not run, because a library's could do anything.
pub(super) fn exit(code: i32) -> ! {
    #[cfg(unix)]
    // SAFETY: neither function touches our memory.
    unsafe {
        libc::fflush(ptr::null_mut());
        libc::_exit(code)
    }
    #[cfg(not(unix))]
    std::process::exit(code)
}

/// Ends the process at once, without flushing: pyrelease is gone, and a thread of the library may hold the lock of a
/// buffer.
pub(super) fn abort(code: i32) -> ! {
    #[cfg(unix)]
    // SAFETY: it touches no memory.
    unsafe {
        libc::_exit(code)
    }
    #[cfg(not(unix))]
    std::process::exit(code)
}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, str};
    use std::mem::{offset_of, size_of};

    use super::*;

    #[test]
    fn a_file_is_searched_before_it_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.so");
        let problem = |text: &str| {
            fs_err::write(&file, text).unwrap();
            expect_marker(&file).err()
        };
        for text in ["\0pyrelease-stage-abi=1;\0", "pyrelease-stage-abi=2; pyrelease-stage-abi=1;"] {
            assert_eq!(problem(text), None, "{text}");
        }
        let problems = ["pyrelease-stage-abi=2;", "pyrelease-stage-abi=12;", "pyrelease-stage-abi=;", ""]
            .map(|text| problem(text).unwrap().replace(&folder.path().display().to_string(), "[FOLDER]"));
        assert_data_eq!(
            problems.join("\n"),
            str![[r#"
it was built for version 2 of the plugin interface, but this pyrelease has version 1
it was built for version 12 of the plugin interface, but this pyrelease has version 1
it is not a pyrelease plugin: the file does not contain the marker
it is not a pyrelease plugin: the file does not contain the marker
"#]]
        );
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn the_structs_are_laid_out_as_the_header_says() {
        assert_eq!((size_of::<Host>(), size_of::<Plugin>()), (48, 64));
        assert_eq!(
            [offset_of!(Host, struct_size), offset_of!(Host, data), offset_of!(Host, cancelled)],
            [8, 16, 40]
        );
        assert_eq!(
            [offset_of!(Plugin, marker), offset_of!(Plugin, call), offset_of!(Plugin, destroy)],
            [16, 40, 56]
        );
    }
}
