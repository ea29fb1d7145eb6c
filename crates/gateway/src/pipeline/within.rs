//! Messages within another API: `InvokeModel` of Bedrock and `rawPredict` of Vertex AI. There the address says which model
//! it is and whether to stream, and the body names a version. What else a model of Bedrock is invoked with is told apart.

use super::accept::Place;
use super::decode::Decoded;
use super::plan::Draft;
use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value};
use switchtower_dialect::Form;
use switchtower_dialect::bedrock_converse::nova;
use switchtower_domain::{DialectId, Refusal, RefusalCode};
use switchtower_providers::{Operation, Within};

/// The field by which bodies of Messages are known within another API.
const VERSION: &str = "anthropic_version";
/// Where bodies name betas, as Bedrock has them.
const BETA: &str = "anthropic_beta";
/// Where the others have them.
pub(super) const BETA_HEADER: HeaderName = HeaderName::from_static("anthropic-beta");

/// What is spoken within another API is Messages, but within `InvokeModel` every model speaks as it likes: Nova in a form
/// of Converse, which every provider can be asked in, others in words of their own, which only Bedrock understands.
pub(super) fn settle(decoded: &mut Decoded<'_>) -> Result<(), Refusal> {
    let asked = &mut decoded.asked;
    match asked.within {
        None => return Ok(()),
        Some(_) if decoded.scan.field(VERSION).is_some() => return Ok(()),
        Some(Within::InvokeModel) => {}
        Some(Within::RawPredict) => {
            let message = format!(
                "this endpoint takes bodies of Anthropic Messages, which have '{VERSION}' here; other models of Google are at :generateContent"
            );
            return Err(Refusal::new(RefusalCode::InvalidRequest, message).param(VERSION));
        }
    }
    asked.within = None;
    if nova::is_spoken_in(&decoded.scan) {
        asked.place = Place::Answer(DialectId::BedrockConverse);
        asked.form = Some(Form::Nova);
    } else {
        asked.place = Place::Service(Operation::Invoke);
    }
    Ok(())
}

impl Draft<'_> {
    /// Fits a body of Messages that is forwarded, or that leaves another API's frame. Gives the betas that go into a header
    /// in place of the body.
    pub(super) fn fit_within(&mut self, decoded: &Decoded<'_>, forwarded: bool) -> Option<HeaderValue> {
        let (asked, target) = (decoded.asked.within, self.interface.within.filter(|_| forwarded));
        if asked == target {
            return None;
        }
        match target {
            Some(within) => self.splice.set(VERSION, format!("\"{}\"", within.version())),
            None => self.splice.remove(VERSION),
        }
        if !forwarded {
            return None;
        }
        match target {
            Some(Within::InvokeModel) => {
                self.splice.remove("stream");
                let named = decoded.asked.headers.get_all(BETA_HEADER).iter().filter_map(|it| it.to_str().ok());
                let betas: Vec<&str> = named.flat_map(|list| list.split(',')).map(str::trim).collect();
                if !betas.is_empty() && decoded.scan.field(BETA).is_none() {
                    self.splice.set(BETA, Value::from(betas).to_string());
                }
                None
            }
            Some(Within::RawPredict) | None => {
                if decoded.streamed {
                    self.splice.set("stream", "true");
                }
                let betas = decoded.scan.field(BETA)?;
                self.splice.remove(BETA);
                let betas: Vec<String> = serde_json::from_slice(betas.value).ok()?;
                HeaderValue::try_from(betas.join(",")).ok()
            }
        }
    }

    /// Fits a body of Messages that was written anew.
    pub(super) fn fit_anew(&self, body: &mut Map<String, Value>) {
        let Some(within) = self.interface.within else { return };
        if self.is_addressed() {
            body.shift_remove("model");
        }
        if within == Within::InvokeModel {
            body.shift_remove("stream");
        }
        body.entry(VERSION).or_insert_with(|| Value::from(within.version()));
    }

    /// Whether the address names the model in place of the body.
    pub(super) fn is_addressed(&self) -> bool {
        match self.interface.within {
            // What counts tokens has one address for all models.
            Some(Within::RawPredict) => self.operation != Operation::CountTokens,
            Some(Within::InvokeModel) => true,
            None => switchtower_dialect::dialect(self.interface.dialect).is_addressed(),
        }
    }
}
