//! What is in the journal is in the tables, once, whatever happens to the database: the same tests for each engine, one of
//! them a real server.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod engine;
mod projecting;

use std::sync::Arc;
use switchtower_ledger::journal::disk::Memory;
use switchtower_ledger::record::{Attempt, Closed, CostLine, Costs, Counts, Opened, Refused, RequestId, Sum};
use switchtower_ledger::{Entries, Ledger};

/// A journal in memory, and who writes to it.
pub(crate) struct Journal {
    pub(crate) ledger: Ledger,
    pub(crate) disk: Memory,
}

impl Journal {
    pub(crate) fn new() -> Self {
        let (ledger, disk) = Ledger::in_memory().unwrap();
        Self { ledger, disk }
    }

    pub(crate) fn disk(&self) -> Arc<dyn switchtower_ledger::journal::disk::Disk> {
        Arc::new(self.disk.clone())
    }

    /// So many calls, each of which costs a little more than the one before, and a refusal behind each tenth.
    pub(crate) async fn calls(&self, numbers: std::ops::Range<u8>) {
        for number in numbers {
            let request = RequestId([number; 16]);
            let opened = Opened {
                request,
                tenant: "default".into(),
                client: "openai_chat".into(),
                operation: "answers".into(),
                deployment: "fast".into(),
                provider: "sim".into(),
                model: "sim-1".into(),
                bytes_in: u64::MAX,
                ..Opened::default()
            };
            let costs = costs(number);
            let attempt = Attempt { provider: "sim".into(), cost: Some(costs.clone()), ..Attempt::default() };
            let closed = Closed {
                outcome: "answered".into(),
                status: 200,
                usage: Some(Counts { input: Some(number.into()), ..Counts::default() }),
                stop: Some("a\0b 'quoted'; DROP TABLE ends; --".into()),
                attempts: vec![attempt],
                cost: Some(Costs { lines: Vec::new(), ..costs }),
                ..Closed::default()
            };
            drop(self.ledger.begin(opened).await.unwrap().close(closed).await.unwrap());
            if number % 10 == 9 {
                let refused = Refused { request, code: "unknown_model".into(), status: 404, ..Refused::default() };
                drop(self.ledger.append(refused.into()).await.unwrap());
            }
        }
    }

    pub(crate) fn records(&self) -> u64 {
        let mut entries = Entries::from(&self.disk, 0);
        while entries.read().unwrap().is_some() {}
        entries.next_record()
    }
}

/// A cost with more decimals than a float holds.
fn costs(number: u8) -> Costs {
    let amount = format!("1000000.0000000000000{number:03}01");
    let line = CostLine {
        charge: "input".into(),
        quantity: 1,
        rate: amount.clone().into(),
        per: "request".into(),
        amount: amount.clone().into(),
        currency: "USD".into(),
        row: "own k/m".into(),
        list: Some("unknown".into()),
    };
    let totals = vec![Sum { amount: amount.into(), currency: "USD".into() }];
    Costs { status: "exact".into(), totals, lines: vec![line], ..Costs::default() }
}
