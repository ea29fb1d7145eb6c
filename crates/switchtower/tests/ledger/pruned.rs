//! A call that pruning has cut: who reads of it is told what is missing.

use crate::*;
use switchtower_ledger::journal::JournalSettings;
use switchtower_ledger::record::{Closed, Costs, Opened, RequestId};
use switchtower_ledger::{Ledger, LedgerSettings, home, upkeep};

#[tokio::test]
async fn a_call_without_its_beginning_is_in_no_sum_and_told_as_that() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let journal = JournalSettings { segment_bytes: 2000, ..JournalSettings::new("") };
    let settings = LedgerSettings { journal, ..LedgerSettings::new(data(folder)) };
    let (ledger, keeping, _) = Ledger::open(&settings, &|_, _| Default::default()).unwrap();
    let begin = |number| {
        let opened = Opened { request: RequestId([number; 16]), provider: "sim".into(), ..Opened::default() };
        ledger.begin(opened)
    };
    let closed = || Closed { cost: Some(Costs { status: "exact".into(), ..Costs::default() }), ..Closed::default() };
    let cut = begin(101).await.unwrap();
    for number in 0..40 {
        drop(begin(number).await.unwrap().close(closed()).await.unwrap());
    }
    let (disk, pruner) = (home::journal_of(&data(folder)), ledger.clone());
    let prune = move || upkeep::prune(&disk, &pruner, u64::MAX).unwrap();
    let upkeep::Pruning { first, cut_calls, .. } = tokio::task::spawn_blocking(prune).await.unwrap();
    let opened = cut.opened();
    drop(cut.close(closed()).await.unwrap());
    drop(begin(41).await.unwrap().close(closed()).await.unwrap());
    tokio::task::spawn_blocking(move || keeping.stop(&ledger, 0)).await.unwrap().unwrap();
    let id = RequestId([101; 16]).to_string();
    for arguments in [&["show", &id][..], &["show", &id, "--timeline"]] {
        let shown = super::ledger(folder, arguments);
        assert!(shown.status.success() && !shown.stdout.is_empty(), "{}", text(&shown));
        assert!(text(&shown).contains(&format!("record {opened} opened the call and was pruned")), "{}", text(&shown));
    }
    // What is gone is not taken for what never was.
    let gone = RequestId([1; 16]).to_string();
    for arguments in [&["show", &gone][..], &["show", &gone, "--timeline"]] {
        let shown = super::ledger(folder, arguments);
        assert!(!shown.status.success(), "{}", text(&shown));
        assert!(text(&shown).contains(&format!("; the ledger begins with record {first}, of 20")), "{}", text(&shown));
    }
    let told = format!("records before {first} were pruned; the export begins there");
    for (from, is_told) in [("0", true), ("5", true), (&*first.to_string(), false)] {
        let exported = super::ledger(folder, &["export", "--from", from]);
        assert!(exported.status.success() && !exported.stdout.is_empty());
        assert_eq!(String::from_utf8_lossy(&exported.stderr).contains(&told), is_told, "{from}: {}", text(&exported));
    }
    let early = super::ledger(folder, &["prune", "--before", "2999-01-01"]);
    assert!(!early.status.success() && text(&early).contains("2999-01-01 has not begun"), "{}", text(&early));
    let summed = cost(folder, &["--by", "provider"]);
    assert!(text(&summed).contains(&format!("records before {first} were pruned; sums begin there")));
    let without = format!("{cut_calls} calls that ended since then began before it, and are in no sum");
    assert!(text(&summed).contains(&without), "{}", text(&summed));
    assert!(!text(&summed).contains("\n-  "), "no row is without a provider: {}", text(&summed));
}
