//! The examples of the guides can be served.

use crate::config::{Around, Outside, Secrets, parse};
use rcgen::{CertificateParams, KeyPair};
use std::io;
use std::path::Path;
use std::time::Duration;
use switchtower_catalogue::Catalogue;
use switchtower_catalogue::prices::PriceList;

/// Everything that an example may refer to.
#[derive(Debug)]
struct Anything {
    certificate: String,
    key: String,
}

impl Outside for Anything {
    fn variable(&self, name: &str) -> Option<String> {
        if name.ends_with("MASTER_KEY") {
            // A master key is no text that somebody chose.
            let byte = u8::try_from(name.len()).unwrap();
            return Some(format!("{byte:02x}").repeat(32));
        }
        Some(format!("value-of-{name}"))
    }

    fn file(&self, path: &Path, _: u64) -> io::Result<String> {
        let ending = path.extension().and_then(|ending| ending.to_str());
        Ok(match ending {
            Some("pem") => self.certificate.clone(),
            Some("key") => self.key.clone(),
            Some("toml") => String::new(),
            _ => "user:password".to_owned(),
        })
    }

    fn command(&self, _: &[String], _: &Path, _: u64, _: Duration) -> Result<String, String> {
        Ok("what-it-says".to_owned())
    }

    fn names(&self, _: &Path) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
}

#[test]
fn every_example_of_the_guides_can_be_served() {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let outside = Anything { certificate: certificate.pem(), key: key.serialize_pem() };
    let built_in = crate::findings::sim_providers().unwrap();
    let pages = [
        include_str!("../../../../../docs/guides/configuration.md"),
        include_str!("../../../../../docs/guides/models.md"),
        include_str!("../../../../../docs/guides/prices.md"),
        include_str!("../../../../../docs/guides/responses.md"),
        include_str!("../../../../../docs/guides/retention.md"),
    ];
    let after = pages.iter().flat_map(|page| page.split("```toml\n").skip(1));
    let mut count = 0;
    for example in after.filter_map(|rest| rest.split("```").next()) {
        if example.starts_with("[models.") {
            assert!(!Catalogue::parse(example).unwrap().is_empty());
            continue;
        }
        if example.contains("[prices.") {
            assert!(!PriceList::parse(example).unwrap().is_empty());
            continue;
        }
        let around = Around {
            outside: &outside,
            folder: Path::new(""),
            built_in: &built_in,
            listen: None,
            secrets: Secrets::Read,
        };
        let ready = parse("example.toml", example, &around).unwrap_or_else(|problems| panic!("{problems}\n{example}"));
        ready.directory().unwrap();
        count += 1;
    }
    assert!(count >= 7, "{count}");
}
