//! The tests of the program as a whole: one binary.

mod layers;
mod release;
