//! The binary interface between a plugin and its host: `include/pyrelease_stage.h` in Rust, byte for byte.
//!
//! Everything that can grow is JSON; only these two structs are binary. Their first 16 bytes never change.

use std::ffi::{c_char, c_void};

pub const MAGIC: u32 = 0x5352_5950;
pub const ABI_MAJOR: u16 = 1;
pub const ABI_MINOR: u16 = 0;
/// Searched for in a file before it is loaded, so that no constructor runs in a library that is not a plugin
pub const MARKER: &str = "pyrelease-stage-abi=1;";
/// The function that a plugin exports
pub const ENTRY: &[u8] = b"pyrelease_stage_plugin\0";

pub const OK: i32 = 0;
/// A malformed argument or message
pub const ERR: i32 = -1;
/// The effect is not allowed, or is already done: do not do it
pub const REFUSED: i32 = -2;
/// The call is being cancelled: stop
pub const CANCELLED: i32 = -3;

/// What a host passes to a plugin
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Host {
    pub magic: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub struct_size: u32,
    pub flags: u32,
    pub data: *mut c_void,
    pub emit: unsafe extern "C" fn(host: *const Host, json: *const c_char, len: usize) -> i32,
    pub effect: unsafe extern "C" fn(host: *const Host, json: *const c_char, len: usize) -> i32,
    pub cancelled: unsafe extern "C" fn(host: *const Host) -> i32,
}

/// What a plugin returns to its host
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Plugin {
    pub magic: u32,
    pub abi_major: u16,
    /// The lowest minor version of a host that the plugin supports
    pub abi_minor: u16,
    pub struct_size: u32,
    pub flags: u32,
    pub marker: *const c_char,
    pub built_with: *const c_char,
    pub create: Option<unsafe extern "C" fn(host: *const Host, ctx: *mut *mut c_void) -> i32>,
    pub call: Option<unsafe extern "C" fn(ctx: *mut c_void, request: *const c_char, len: usize) -> i32>,
    pub cancel: Option<unsafe extern "C" fn(ctx: *mut c_void)>,
    pub destroy: Option<unsafe extern "C" fn(ctx: *mut c_void)>,
}

// SAFETY: a plugin's table is constant, and its functions are called as the header requires.
unsafe impl Sync for Plugin {}

pub type Entry = unsafe extern "C" fn() -> *const Plugin;
