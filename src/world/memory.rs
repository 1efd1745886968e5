//! This process's memory, which holds secrets for as long as it runs.

/// Keeps it out of core dumps and away from debuggers of other processes. Those that are started from here are not
/// concerned.
///
/// Where the system refuses, all is as it was: a release does not fail for that.
pub fn keep_to_ourselves() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    #[cfg(all(unix, not(target_os = "linux")))]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        // Children inherit it, and may raise it again.
        let Rlimit { maximum, .. } = getrlimit(Resource::Core);
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum });
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn it_is_in_no_core_dump() {
        keep_to_ourselves();
        let behavior = rustix::process::dumpable_behavior().unwrap();
        assert_eq!(behavior, rustix::process::DumpableBehavior::NotDumpable);
    }
}
