//! Everything that can be set about a [`Sim`](crate::Sim).

use crate::fault::FaultRate;
use crate::script::FaultScript;
use secrecy::SecretString;
use std::path::PathBuf;
use std::time::Duration;

/// How a simulated provider behaves. The default answers at once, checks strictly and never fails.
///
/// ```
/// use std::time::Duration;
/// use switchtower_sim::{Settings, Sim};
///
/// let settings = Settings { latency_to_first_token: Duration::from_millis(300), ..Settings::default() };
/// let sim = Sim::new(settings);
/// # let _ = sim;
/// ```
#[derive(Debug, Clone)]
pub struct Settings {
    /// The seed of all text, ids and jitter.
    pub seed: u64,
    /// How long the first token takes.
    pub latency_to_first_token: Duration,
    /// Output tokens a second after the first; `None` or 0 is as fast as possible.
    pub tokens_per_second: Option<f64>,
    /// How far each wait may stray, as a share of it from 0 (never) to 1 (up to double, down to nothing).
    pub jitter: f64,
    /// The names of the models on offer.
    pub models: Vec<String>,
    /// Accept every model name, not only those on offer.
    pub any_model: bool,
    /// Faults that happen by chance. They are drawn from the seed and the ordinal of the request, so that a second run
    /// with the same requests in the same order fails in the same places.
    pub fault_rates: Vec<FaultRate>,
    /// Faults by ordinal or model. What a request says about itself goes before the script, the script before the rates.
    pub fault_script: FaultScript,
    /// The key that callers must present; `None` accepts every caller.
    pub require_key: Option<SecretString>,
    /// A folder of recorded exchanges to answer from.
    pub replay: Option<PathBuf>,
    /// Answer 404 where no recording matches, instead of a generated answer.
    pub replay_only: bool,
    /// Simulate the provider's prompt cache, the one thing that remembers earlier requests.
    pub prompt_cache: bool,
    /// Let unknown top-level fields pass instead of refusing them.
    pub lenient_fields: bool,
    /// Refuse signatures of thinking that this simulator (this seed) did not make, as a provider does.
    pub verify_signatures: bool,
    /// Obey `x-sim-…` headers and the directives in a model name.
    pub directives: bool,
    /// Largest request body that the server reads, in bytes.
    pub body_bytes_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 0,
            latency_to_first_token: Duration::ZERO,
            tokens_per_second: None,
            jitter: 0.0,
            models: ["sim-1", "sim-1-mini", "sim-reasoner", "sim-embed"].map(String::from).to_vec(),
            any_model: true,
            fault_rates: Vec::new(),
            fault_script: FaultScript::default(),
            require_key: None,
            replay: None,
            replay_only: false,
            prompt_cache: true,
            lenient_fields: false,
            verify_signatures: true,
            directives: true,
            body_bytes_max: 64 << 20,
        }
    }
}
