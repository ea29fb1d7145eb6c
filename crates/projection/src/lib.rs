//! The ledger in tables, for queries. The journal is the truth; what is here can be thrown away and made again from it.
//!
//! ```text
//! schema      tables and columns, once for every engine
//! rows        an entry as rows of them
//! sqlite      a file beside the journal          ┐ a batch of rows and the place that was come to,
//! postgres    a database for several machines    ┘ in one transaction
//! Projector   reads on where a store stopped, again and again, on a thread apart
//! ```
//!
//! Nothing of a request waits for it. A store that is slow or gone costs nothing but lag, which is told.

mod gauges;
mod postgres;
mod projector;
mod rows;
mod schema;
mod sqlite;
mod store;
mod target;

pub use gauges::{Gauges, Standing};
pub use postgres::Postgres;
pub use projector::{Projecting, Projector, ProjectorError};
pub use rows::Row;
pub use schema::{Column, Holds, TABLES, Table, VIEWS, View};
pub use sqlite::Sqlite;
pub use store::{Place, Store, StoreError};
pub use target::Target;
