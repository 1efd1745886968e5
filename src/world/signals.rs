//! Signals that would end this process without a word.

/// Lets a write beyond the limit on the size of files (`ulimit -f`) fail with an error, as one to a full disk does, instead
/// of ending this process by SIGXFSZ. Children get the default action back when they execute their program. A signal that
/// is ignored already stays ignored, for them, too.
pub fn survive_file_size_limit() {
    #[cfg(unix)]
    #[expect(unsafe_code, reason = "neither std nor rustix sets the action of a signal")]
    {
        extern "C" fn go_on(_: libc::c_int) {}
        let handler: extern "C" fn(libc::c_int) = go_on;
        // SAFETY: the handler does nothing, and no other thread runs yet that could set this action.
        unsafe {
            if libc::signal(libc::SIGXFSZ, handler as libc::sighandler_t) == libc::SIG_IGN {
                libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            }
        }
    }
}
