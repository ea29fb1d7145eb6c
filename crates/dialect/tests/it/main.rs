//! Every dialect in the registry, against its fixtures: what is read, what is written back, and what other dialects
//! make of it.

mod golden;
mod laws;
