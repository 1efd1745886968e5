//! The rules of recovery that can be switched, each by itself.

/// Which rules hold
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    /// What was pushed is taken back only if it is still what the run made of it
    pub(crate) lease: bool,
    /// Only locks of the run's own are removed
    pub(crate) own_locks: bool,
    /// A push also creates a ref of its own at the remote; recovery creates that ref first, and the push fails whole if
    /// it still comes
    pub(crate) fence: bool,
    /// Recovery removes the locks of git's that its own run left
    pub(crate) locks: bool,
    /// A second file says how long the journal is; one that is shorter tells the truth, but not all of it
    pub(crate) mark: bool,
    /// A rebuild takes from a rehearsal index only what a hash of ours proves
    pub(crate) proof: bool,
    /// What an index lists is compared after every upload
    pub(crate) compare: bool,
    /// A refusal that is final is known as final
    pub(crate) finals: bool,
    /// The bound on what may still arrive counts from the last moment at which the run may have been sending
    pub(crate) last_sign: bool,
    /// The push that takes a push back has a fence, too
    pub(crate) fence_back: bool,
    /// A push that is in doubt is settled before it counts as taken back
    pub(crate) doubt_stops: bool,
    /// A rollback asks every destination, however sound the journal is
    pub(crate) ask_always: bool,
    /// What may still arrive of a journal that lost its end is waited for
    pub(crate) lost_waits: bool,
    /// That a journal lost its end is not forgotten when it is written to
    pub(crate) remember: bool,
    /// The remote is asked for the tag again before the first public upload of a run that goes on
    pub(crate) ask_again: bool,
    /// A folder of ours that contradicts what is public stops a rebuild
    pub(crate) contradiction: bool,
    /// What was kept counts: as public, and as a run that is being given up
    pub(crate) kept: bool,
    /// An undo counts as undone only when the working tree has followed
    pub(crate) tree: bool,
}

impl Rules {
    /// As the code was when the model was made.
    pub(crate) const fn before() -> Self {
        Self {
            lease: true,
            own_locks: true,
            fence: false,
            locks: false,
            mark: false,
            proof: false,
            compare: false,
            finals: false,
            last_sign: false,
            fence_back: false,
            doubt_stops: false,
            ask_always: false,
            lost_waits: false,
            remember: false,
            ask_again: false,
            contradiction: false,
            kept: false,
            tree: false,
        }
    }

    /// As the code has them: nothing wrong is known of these.
    pub(crate) const fn now() -> Self {
        Self {
            fence: true,
            locks: true,
            mark: true,
            proof: true,
            compare: true,
            finals: true,
            last_sign: true,
            fence_back: true,
            doubt_stops: true,
            ask_always: true,
            lost_waits: true,
            remember: true,
            ask_again: true,
            contradiction: true,
            kept: true,
            tree: true,
            ..Self::before()
        }
    }
}
