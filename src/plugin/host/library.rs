//! The binary edge: the library loaded, its table checked, its functions called. All that is `unsafe` is here.

#![allow(unsafe_code, reason = "a library in another language is called")]

use std::ffi::{CStr, c_char, c_void};
use std::io::{self, Read, Write};
use std::path::Path;
use std::ptr;
use std::sync::Arc;

use pyrelease_plugin::abi::{self, Entry, Host, Plugin};

use super::conversation::{Shared, Verdict};

/// Before the request in its buffer: a plugin that takes it for its own and frees it ends there and then
const LEAD: usize = 16;
/// Bytes of a library that are looked at in one go for its mark
const PIECE: usize = 256 << 10;
/// Bytes of a mark, at most
const LONGEST_MARK: usize = 64;

/// Sees that the file says it is a plugin for this version, before anything of it runs.
///
/// # Errors
/// It is none, or one for another version.
pub(super) fn expect_marker(file: &Path) -> Result<(), String> {
    let mut file = fs_err::File::open(file).map_err(|error| error.to_string())?;
    let key = &abi::MARKER.as_bytes()[..abi::MARKER.find('=').map_or(0, |at| at + 1)];
    let mut other = None;
    // In pieces: a library may have many megabytes, and each call reads it.
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
        // The mark may begin in this piece and end in the next.
        let end = kept + read;
        kept = end.min(LONGEST_MARK);
        buffer.copy_within(end - kept..end, 0);
    }
    Err(match other {
        Some(major) => format!(
            "it was built for version {major} of the plugin interface, and this pyrelease has version {}",
            abi::ABI_MAJOR
        ),
        None => "it is no plugin of pyrelease: the mark that each has is not in the file".to_owned(),
    })
}

/// A library whose table is in order
pub(super) struct Loaded {
    plugin: &'static Plugin,
}

/// Loads the library, never to unload it: what it has started may go on until the process ends.
///
/// # Errors
/// The system's words, or what is wrong with the table.
pub(super) fn load(file: &Path) -> Result<Loaded, String> {
    let library = open(file).map_err(|error| said(&error))?;
    // SAFETY: a plugin's own promise; one that breaks it ends this process, which is here for that.
    let entry = unsafe { library.get::<Entry>(abi::ENTRY).map(|entry| *entry) };
    let entry = entry.map_err(|error| said(&error))?;
    std::mem::forget(library);
    // SAFETY: as above.
    let plugin = unsafe { entry() };
    if plugin.is_null() {
        return Err("its entry gives no table".to_owned());
    }
    // SAFETY: the first 16 bytes are the same in every version; more is read only once they are as they should be.
    let [magic, versions, size, _] = unsafe { ptr::read_unaligned(plugin.cast::<[u32; 4]>()) };
    let [low, high] = [(versions & 0xffff) as u16, (versions >> 16) as u16];
    let (major, minor) = if cfg!(target_endian = "little") { (low, high) } else { (high, low) };
    if magic != abi::MAGIC {
        return Err(format!("its table begins with {magic:#010x} instead of {:#010x}", abi::MAGIC));
    }
    if major != abi::ABI_MAJOR {
        return Err(format!(
            "it has version {major} of the plugin interface, and this pyrelease {}",
            abi::ABI_MAJOR
        ));
    }
    if minor > abi::ABI_MINOR {
        return Err(format!(
            "it needs version {major}.{minor} of the plugin interface, and this pyrelease has {}.{}",
            abi::ABI_MAJOR,
            abi::ABI_MINOR
        ));
    }
    if (size as usize) < size_of::<Plugin>() {
        return Err(format!(
            "its table has {size} bytes, fewer than the {} it must have",
            size_of::<Plugin>()
        ));
    }
    // SAFETY: it says that it is this table, and lives as long as the library, which stays.
    let plugin = unsafe { &*plugin };
    if plugin.create.is_none() || plugin.call.is_none() {
        return Err("its table has no `create` or no `call`".to_owned());
    }
    Ok(Loaded { plugin })
}

/// The system's words, which are in the cause.
fn said(error: &libloading::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(unix)]
fn open(file: &Path) -> Result<libloading::Library, libloading::Error> {
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
    // SAFETY: constructors run here, in a process that is here for that. Every symbol is looked up now: one that is
    // missing would otherwise end the process in the middle of an effect.
    unsafe { Library::open(Some(file), RTLD_NOW | RTLD_LOCAL).map(Into::into) }
}

#[cfg(not(unix))]
fn open(file: &Path) -> Result<libloading::Library, libloading::Error> {
    // SAFETY: as on Unix.
    unsafe { libloading::Library::new(file) }
}

impl Loaded {
    /// What it says it was built with.
    pub(super) fn built_with(&self) -> String {
        if self.plugin.built_with.is_null() {
            return String::new();
        }
        // SAFETY: a text that ends in NUL, by the header.
        unsafe { CStr::from_ptr(self.plugin.built_with) }.to_string_lossy().into_owned()
    }

    /// Has it make itself ready.
    ///
    /// # Errors
    /// It will not.
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

/// A library that is ready for its one call
pub(super) struct Instance {
    plugin: &'static Plugin,
    ctx: *mut c_void,
}

/// How to tell a library that it should stop
pub(super) struct Cancel {
    function: Option<unsafe extern "C" fn(*mut c_void)>,
    ctx: *mut c_void,
}

// SAFETY: the header says that `cancel` may come from another thread.
unsafe impl Send for Cancel {}

impl Cancel {
    pub(super) fn cancel(&self) {
        if let Some(function) = self.function {
            // SAFETY: while `call` runs, as the header says.
            unsafe { function(self.ctx) };
        }
    }
}

impl Instance {
    pub(super) fn cancel(&self) -> Cancel {
        Cancel { function: self.plugin.cancel, ctx: self.ctx }
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

/// What a plugin passed, and the shared part of the host; none where that is not possible.
///
/// # Safety
/// The host is the one that was given to the plugin.
unsafe fn passed<'a>(host: *const Host, json: *const c_char, len: usize) -> Option<(&'a Shared, &'a [u8])> {
    if json.is_null() || len > isize::MAX as usize {
        return None;
    }
    // SAFETY: pointer and length are a text that the plugin lends until we return.
    Some((unsafe { shared(host) }?, unsafe { std::slice::from_raw_parts(json.cast(), len) }))
}

/// # Safety
/// As [`passed`].
unsafe fn shared<'a>(host: *const Host) -> Option<&'a Shared> {
    // SAFETY: the host is ours and never freed, and so is what it points at.
    unsafe { host.as_ref()?.data.cast::<Shared>().as_ref() }
}

unsafe extern "C" fn emit(host: *const Host, json: *const c_char, len: usize) -> i32 {
    // SAFETY: a plugin passes the host that it was given.
    match unsafe { passed(host, json, len) } {
        Some((shared, bytes)) if shared.emit(bytes).is_ok() => abi::OK,
        _ => abi::ERR,
    }
}

unsafe extern "C" fn effect(host: *const Host, json: *const c_char, len: usize) -> i32 {
    // SAFETY: as above.
    let Some((shared, bytes)) = (unsafe { passed(host, json, len) }) else { return abi::ERR };
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

/// Takes the pipes to pyrelease out of the library's way: what it prints goes to the standard error, and there is nothing
/// for it to read.
#[cfg(unix)]
pub(super) fn set_pipes_aside() -> io::Result<(Box<dyn Read + Send>, Box<dyn Write + Send>)> {
    use rustix::stdio::{dup2_stdin, dup2_stdout};
    let aside = |stream: rustix::fd::BorrowedFd<'_>| rustix::io::fcntl_dupfd_cloexec(stream, 3);
    let input = fs_err::File::from_parts(aside(rustix::stdio::stdin())?.into(), "the pipe from pyrelease");
    let output = fs_err::File::from_parts(aside(rustix::stdio::stdout())?.into(), "the pipe to pyrelease");
    dup2_stdout(rustix::stdio::stderr())?;
    dup2_stdin(fs_err::File::open("/dev/null")?.into_file())?;
    Ok((Box::new(input), Box::new(output)))
}

#[cfg(not(unix))]
pub(super) fn set_pipes_aside() -> io::Result<(Box<dyn Read + Send>, Box<dyn Write + Send>)> {
    Ok((Box::new(io::stdin()), Box::new(io::stdout())))
}

/// Ends the process at once, with what C keeps in buffers written and nothing else: a destructor of the library's could
/// still do anything.
pub(super) fn leave(code: i32) -> ! {
    #[cfg(unix)]
    // SAFETY: neither touches memory of ours.
    unsafe {
        libc::fflush(ptr::null_mut());
        libc::_exit(code)
    }
    #[cfg(not(unix))]
    std::process::exit(code)
}

/// Ends the process there and then: whoever would read what is in buffers is gone, and a thread of the library's may hold
/// the lock of one.
pub(super) fn vanish(code: i32) -> ! {
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
    use std::mem::{offset_of, size_of};

    use super::*;

    #[test]
    fn a_file_is_searched_before_it_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.so");
        for (text, expected) in [
            ("\0pyrelease-stage-abi=1;\0", None),
            ("pyrelease-stage-abi=2; pyrelease-stage-abi=1;", None),
            ("pyrelease-stage-abi=2;", Some("built for version 2")),
            ("pyrelease-stage-abi=12;", Some("built for version 12")),
            ("pyrelease-stage-abi=;", Some("is no plugin")),
            ("", Some("is no plugin")),
        ] {
            fs_err::write(&file, text).unwrap();
            let said = expect_marker(&file).err();
            assert_eq!(said.is_some(), expected.is_some(), "{text}");
            assert!(said.is_none_or(|said| said.contains(expected.unwrap())), "{text}");
        }
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
