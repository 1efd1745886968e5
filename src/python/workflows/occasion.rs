//! What may start a workflow.

/// An event, seen by a workflow
#[derive(Debug, Clone, Copy)]
pub(super) struct Occasion<'a> {
    pub event: Event<'a>,
    /// The tag, if the event is about one; `Some(None)` if any
    pub tag: Option<Option<&'a str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event<'a> {
    Push,
    /// A new branch or tag (GitHub's `create`)
    Create,
    /// A release of the forge, and what is done to it
    Release(&'a str),
    /// A person starts it
    Manual,
    Schedule,
    /// Another workflow has ended
    AfterWorkflow,
    Other(&'a str),
}

impl<'a> Occasion<'a> {
    pub fn tag(tag: Option<&'a str>) -> Self {
        Self { event: Event::Push, tag: Some(tag) }
    }

    pub fn on(event: Event<'a>) -> Self {
        Self { event, tag: None }
    }
}
