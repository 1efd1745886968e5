//! A model of the recovery protocol, explored exhaustively.
//!
//! # What is modelled
//!
//! `run`, `resume`, `rollback`, `rollback --leave`, `resume --import` and the commands that `status` names, each as the
//! code does it, record by record ([`stages`], [`recovery`], [`commands`]). They work on a repository, a remote, a
//! rehearsal index, a public index and a second machine ([`system`]). At every point of a command, and between commands,
//! something may happen ([`process::Fault`]): the command is killed, the power fails while git has locks, a connection is cut
//! and what was sent arrives at any later point or never, a file is refused, refused for good or kept in half, nobody
//! answers, the journal loses its end, itself or the file that says how long it is, a person pushes, commits, edits, locks or
//! adds a file. [`explore::explore`] tries all of it, up to so many faults and commands, the shortest histories first, and
//! looks for what must not be ([`system::Wrong`]). In every state that it comes to, it follows what `status` names until the
//! run is over.
//!
//! The rules of recovery are a parameter ([`rules::Rules`]), so that a test shows for each what goes wrong without it.
//!
//! The records that a command may write in which order are an automaton ([`automaton`]). The model writes through it, and
//! the journals of the random fault test are held against it ([`engine`]): what the engine writes the model could have
//! written.
//!
//! # What is not
//!
//! Time is short or long: one step of waiting, and nothing is on its way any more. An upload is not sent again by itself.
//! Commands and plugins, `--done` and `--again`, several branches, remotes and public indexes, worktrees, another release of
//! the same version, a clock that jumps, two commands at the same time (the lock of the repository forbids that on one
//! machine; on two they alternate), damage within the journal. Build, changelog and version are one stage.
//!
//! # How to read a trace
//!
//! ```text
//! CameLater:                                      what does not hold
//! machine 0: Run                                  a command, and what it comes to:
//!     writes Intent 1 of stage 1: Push ...        a record; stages and effects have numbers from 0, the landing is stage 250
//!     fault: Cut                                  what happens at that point
//!     writes Undone(0)
//!     says that all is RolledBack
//!     arrives late: Push { .. }                   what was on its way arrives at that point
//! a quarter of an hour passes                     what happens between two commands
//! what `status` names leads nowhere:              of a dead end: the commands that it names, and what they come to
//! ```
//!
//! `cargo test --test pyrelease model:: -- --nocapture` prints a trace for every rule that is left out.
//! `PYRELEASE_TEST_FAULTS=3 cargo test --test pyrelease model::tests::whatever` lets one thing more happen (300,000 states,
//! some minutes).
//!
//! The search is our own, and not `stateright`'s: a hundred lines, no dependency more (that one brings eleven, a web server
//! among them), the same order each time and therefore the same trace; and commands can be written down as plain functions
//! that ask at each point what happens, instead of as a table of transitions.

#![expect(clippy::print_stdout, reason = "these are tests")]

mod automaton;
mod commands;
pub(crate) mod engine;
mod explore;
mod process;
mod recovery;
mod rules;
mod stages;
mod system;
mod tests;
