//! Content is kept, shown, held against the ledger, and gone.

use super::*;
use crate::item::Part;
use crate::{Finding, report, show};
use proptest::prelude::*;
use std::fs;
use switchtower_domain::Secret;
use switchtower_ledger::journal::disk::Memory;
use switchtower_ledger::record::RequestId;
use zeroize::Zeroizing;

const PLAIN: &[u8] = b"zq9 what somebody said";
const TENANT: &str = "default";

struct Place {
    folder: tempfile::TempDir,
    ledger: Ledger,
    journal: Memory,
}

impl Place {
    fn new() -> Self {
        let (ledger, journal) = Ledger::in_memory().unwrap();
        Self { folder: tempfile::tempdir().unwrap(), ledger, journal }
    }

    fn vault(&self) -> Vault {
        self.opened(&Found { records: u64::MAX, stopped: true, ..Found::default() })
    }

    fn opened(&self, found: &Found) -> Vault {
        Vault::open(self.folder.path(), Some(master(1)), (&self.ledger, found), &self.journal).unwrap()
    }

    fn findings(&self, now_s: u64) -> Vec<Finding> {
        report(self.folder.path(), &self.journal, now_s).unwrap().findings
    }

    fn shown(&self, number: u8, now_s: u64) -> Vec<Vec<u8>> {
        let shown = show(self.folder.path(), &[master(1)], RequestId([number; 16]), now_s).unwrap();
        shown.iter().map(|shown| shown.bytes.to_vec()).collect()
    }

    /// Every file, with its bytes.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let folder = content_of(self.folder.path()).join(TENANT);
        let paths = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
        paths.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    }

    fn items(&self) -> PathBuf {
        self.files().into_iter().map(|(path, _)| path).find(|path| path.extension().unwrap() == "items").unwrap()
    }
}

fn master(byte: u8) -> MasterKey {
    MasterKey::parse(&Secret::new(format!("{byte:02x}").repeat(32))).unwrap()
}

fn item(number: u8, until_s: u64) -> Item {
    Item {
        opened: 0,
        request: RequestId([number; 16]),
        tenant: TENANT.into(),
        rule: "all".into(),
        part: Part::Request,
        bytes: Zeroizing::new(PLAIN.to_vec()),
        left_out: 0,
        until_s,
    }
}

#[test]
fn what_is_kept_is_sealed_shown_and_destroyed_in_its_time() {
    let place = Place::new();
    let mut vault = place.vault();
    vault.keep(&place.ledger, item(1, 100)).unwrap();
    vault.keep(&place.ledger, item(2, 200)).unwrap();
    assert_eq!(place.shown(1, 50), [PLAIN]);
    assert!(place.shown(1, 100).is_empty(), "it is past its time");
    let files = place.files();
    assert_eq!(files.len(), 4);
    assert!(files.iter().all(|(_, bytes)| !bytes.windows(3).any(|window| window == b"zq9")));
    assert_eq!(place.findings(50), []);
    assert!(matches!(place.findings(130).as_slice(), [Finding::Overdue { late_s: 30, .. }]));
    assert_eq!(vault.expire(&place.ledger, 100).unwrap(), 1);
    assert_eq!(vault.expire(&place.ledger, 100).unwrap(), 0);
    assert_eq!(place.files().len(), 2);
    assert_eq!(place.findings(130), []);
    let report = report(place.folder.path(), &place.journal, 130).unwrap();
    assert_eq!((report.ever, report.destroyed["expired"], report.kept[0].items), (2, 1, 1));
    assert_eq!((report.kept[0].bytes, report.kept[0].last_until_us), (PLAIN.len() as u64, 200_000_000));
    assert_eq!(vault.shred(&place.ledger, TENANT, false).unwrap(), 1);
    assert!(place.files().is_empty() && place.shown(2, 150).is_empty());
    assert_eq!(place.findings(150), []);
}

#[test]
fn a_tenant_goes_with_its_pseudonyms_where_that_is_wanted_and_it_is_on_record() {
    let place = Place::new();
    let mut vault = place.vault();
    let caller = || place.ledger.pseudonyms().of_caller("somebody");
    let (before, digest) = (caller(), place.ledger.pseudonyms().digest(PLAIN));
    vault.shred(&place.ledger, TENANT, false).unwrap();
    assert_eq!(caller(), before);
    vault.keep(&place.ledger, item(1, 100)).unwrap();
    assert_eq!(vault.shred(&place.ledger, TENANT, true).unwrap(), 1);
    let after = caller();
    assert_ne!(after, before);
    assert_eq!(place.ledger.pseudonyms().digest(PLAIN), digest);
    vault.shred(&place.ledger, "another", true).unwrap();
    assert_eq!(caller(), after, "the key of one tenant is not another's");
    let mut entries = Entries::from(&place.journal, 0);
    let mut said = Vec::new();
    while let Some((_, entry)) = entries.read().unwrap() {
        if let Body::Shredded(shredded) = entry.body {
            said.push((shredded.items, shredded.pseudonyms));
        }
    }
    assert_eq!(said, [(0, false), (1, true), (0, false)]);
    assert_eq!(place.findings(50), []);
}

#[test]
fn every_difference_between_files_and_ledger_is_found() {
    let kept = || {
        let place = Place::new();
        place.vault().keep(&place.ledger, item(1, 100)).unwrap();
        place
    };
    let place = kept();
    let path = place.items();
    let bytes = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(matches!(place.findings(50).as_slice(), [Finding::Missing { .. }]));
    // One that nobody recorded, once more, and one that is another.
    fs::write(&path, [bytes.as_slice(), &bytes].concat()).unwrap();
    assert!(matches!(place.findings(50).as_slice(), [Finding::Changed { .. }]));
    let stored = Stored::all(&bytes).next().unwrap().unwrap();
    let mut other = Vec::new();
    assert!(Stored { record: 99, ..stored.clone() }.write(&mut other));
    fs::write(&path, [bytes.as_slice(), &other].concat()).unwrap();
    assert!(matches!(place.findings(50).as_slice(), [Finding::Unknown { record: 99, .. }]));
    let mut sealed = stored.sealed.to_vec();
    sealed[20] ^= 1;
    let mut changed = Vec::new();
    assert!(Stored { sealed: &sealed, ..stored }.write(&mut changed));
    fs::write(&path, &changed).unwrap();
    assert!(matches!(place.findings(50).as_slice(), [Finding::Changed { .. }, ..]));
    let error = show(place.folder.path(), &[master(1)], RequestId([1; 16]), 50).unwrap_err();
    assert!(matches!(error, VaultError::Item { error: crate::ItemError::Changed { .. }, .. }), "{error}");
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(place.findings(50).as_slice(), [Finding::Unreadable { .. }, Finding::Missing { .. }]));
    fs::write(&path, &bytes).unwrap();
    fs::remove_file(path.with_extension("key")).unwrap();
    assert!(matches!(place.findings(50).as_slice(), [Finding::NoKey { .. }]));
    assert!(place.shown(1, 50).is_empty());
    // A copy from elsewhere, after it was destroyed.
    let place = kept();
    let files = place.files();
    place.vault().expire(&place.ledger, 100).unwrap();
    files.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    assert!(matches!(place.findings(200).as_slice(), [Finding::NotDestroyed { .. }]));
}

#[test]
fn what_a_crash_left_is_mended_and_what_it_lost_is_on_record() {
    let place = Place::new();
    let mut vault = place.vault();
    vault.keep(&place.ledger, item(1, 100)).unwrap();
    let path = place.items();
    let whole = fs::read(&path).unwrap();
    vault.keep(&place.ledger, item(2, 100)).unwrap();
    let both = fs::read(&path).unwrap();
    drop(vault);
    // The second is on record, and half of it is there.
    fs::write(&path, &both[..both.len() - 5]).unwrap();
    place.opened(&Found { records: u64::MAX, ..Found::default() });
    assert_eq!(fs::read(&path).unwrap(), whole);
    assert_eq!(place.findings(50), []);
    let lost = report(place.folder.path(), &place.journal, 50).unwrap();
    assert_eq!(lost.destroyed["lost"], 1);
    // Once.
    place.opened(&Found { records: u64::MAX, ..Found::default() });
    assert_eq!(report(place.folder.path(), &place.journal, 50).unwrap().records, lost.records);
    // The machine lost power, and the journal more than the content.
    fs::write(&path, &both).unwrap();
    let first = Stored::all(&both).next().unwrap().unwrap().record;
    place.opened(&Found { records: first + 1, stopped: true, ..Found::default() });
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[test]
fn another_master_key_takes_over_without_a_byte_of_content() {
    let place = Place::new();
    place.vault().keep(&place.ledger, item(1, 100)).unwrap();
    let before = fs::read(place.items()).unwrap();
    let found = Found { records: u64::MAX, stopped: true, ..Found::default() };
    let mut next = Vault::open(place.folder.path(), Some(master(2)), (&place.ledger, &found), &place.journal).unwrap();
    assert!(matches!(next.rewrap(&place.ledger, &[master(3)]), Err(VaultError::Key { .. })));
    assert_eq!(place.shown(1, 50), [PLAIN], "nothing has changed");
    assert_eq!(next.rewrap(&place.ledger, &[master(3), master(1)]).unwrap(), 1);
    assert_eq!(next.rewrap(&place.ledger, &[]).unwrap(), 0);
    assert_eq!(fs::read(place.items()).unwrap(), before);
    let request = RequestId([1; 16]);
    assert!(matches!(show(place.folder.path(), &[master(1)], request, 50), Err(VaultError::Key { .. })));
    assert_eq!(*show(place.folder.path(), &[master(2)], request, 50).unwrap()[0].bytes, PLAIN);
}

#[test]
fn a_name_that_leads_elsewhere_is_no_tenant() {
    let place = Place::new();
    let wrong = Item { tenant: "../up".into(), ..item(1, 100) };
    assert!(matches!(place.vault().keep(&place.ledger, wrong), Err(VaultError::Tenant { .. })));
    assert_eq!(report(place.folder.path(), &place.journal, 50).unwrap().unkept["failed"], 1);
}

proptest! {
    #[test]
    fn nothing_is_kept_for_longer_than_was_said(now_s in 0_u64..4_000_000_000, keep_s in 1_u64..400_000_000) {
        let until = until_s(now_s, Duration::from_secs(keep_s));
        prop_assert!(until <= now_s + keep_s);
        prop_assert!(until + keep_s.div_ceil(STEPS_IN_TIME) >= now_s + keep_s, "{until}");
    }
}
