//! What is in force, as records refer to it: digests, and the content that they stand for.

use crate::config::Explanation;
use anyhow::Result;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::io::Write as _;
use switchtower_catalogue::Catalogue;
use switchtower_catalogue::prices::Prices;
use switchtower_gateway::{Digests, Directory};
use switchtower_ledger::Ledger;
use switchtower_ledger::record::Digest;

/// The content of a configuration, of a catalogue and of prices.
#[derive(Debug, Clone)]
pub struct Content {
    configuration: String,
    catalogue: String,
    prices: String,
}

impl Content {
    /// What a configuration comes out as, with references in place of secrets.
    pub fn of(explanation: &Explanation, catalogue: &Catalogue, prices: &Prices) -> Self {
        Self { configuration: explanation.json().to_string(), catalogue: catalogue.write(), prices: written(prices) }
    }

    /// What is served without a configuration.
    pub fn without_configuration(directory: &Directory) -> Self {
        let providers: Vec<_> = directory
            .providers()
            .map(|provider| json!({"name": provider.name.as_str(), "base_url": provider.main.endpoint.base()}))
            .collect();
        let configuration = json!({"from": "environment", "providers": providers}).to_string();
        Self { configuration, catalogue: Catalogue::built_in().write(), prices: written(&Prices::built_in()) }
    }

    /// The digests that records have.
    pub fn digests(&self) -> Digests {
        let digest = |content: &str| Digest(Sha256::digest(content).into());
        Digests {
            configuration: digest(&self.configuration),
            catalogue: digest(&self.catalogue),
            prices: digest(&self.prices),
        }
    }

    /// Keeps in a ledger what the digests stand for.
    ///
    /// # Errors
    /// Where the ledger does not take it.
    pub fn keep(&self, ledger: &Ledger) -> Result<()> {
        let Digests { configuration, catalogue, prices } = self.digests();
        ledger.keep_content(configuration, "configuration", packed(&self.configuration)?)?;
        ledger.keep_content(catalogue, "catalogue", packed(&self.catalogue)?)?;
        ledger.keep_content(prices, "prices", packed(&self.prices)?)?;
        Ok(())
    }
}

/// Every list of prices in the order in which they are asked, each as its file.
fn written(prices: &Prices) -> String {
    let lists =
        prices.lists().map(|(layer, name, list)| json!({"layer": layer.as_str(), "name": name, "list": list.write()}));
    Value::Array(lists.collect()).to_string()
}

fn packed(content: &str) -> Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content.as_bytes())?;
    Ok(encoder.finish()?)
}
