//! What a deployment asks for where the caller said nothing.

use serde_json::Value;
use switchtower_dialect::dialect;
use switchtower_dialect::scan::Scan;
use switchtower_dialect::splice::Splice;
use switchtower_domain::{Extras, Metadata, OutputFormat, Param, ReasoningSpec, Request, Sampling};
use switchtower_providers::{Defaults, Interface};

/// One default: how it is set, and the parameters by which a caller says the same.
struct One {
    params: &'static [Param],
    set: fn(&Defaults, &mut Request) -> bool,
    is_set: fn(&Request) -> bool,
}

/// The names of the bound on tokens in one dialect or another: whichever was written counts.
const BOUNDS: [&str; 3] = ["max_tokens", "max_completion_tokens", "max_output_tokens"];

const ALL: [One; 6] = [
    One {
        params: &[Param::Temperature],
        set: |defaults, request| put(defaults.temperature.as_ref(), &mut request.sampling.temperature),
        is_set: |request| request.sampling.temperature.is_some(),
    },
    One {
        params: &[Param::TopP],
        set: |defaults, request| put(defaults.top_p.as_ref(), &mut request.sampling.top_p),
        is_set: |request| request.sampling.top_p.is_some(),
    },
    One {
        params: &[Param::MaxTokens],
        set: |defaults, request| put(defaults.max_output_tokens.as_ref(), &mut request.max_tokens),
        is_set: |request| request.max_tokens.is_some(),
    },
    One {
        params: &[Param::ReasoningMode, Param::ReasoningEffort, Param::ReasoningBudget],
        set: |defaults, request| put(defaults.reasoning_effort.as_ref(), &mut request.reasoning.effort),
        is_set: |request| !request.reasoning.is_unstated(),
    },
    One {
        params: &[Param::Seed],
        set: |defaults, request| put(defaults.seed.map(Into::into).as_ref(), &mut request.sampling.seed),
        is_set: |request| request.sampling.seed.is_some(),
    },
    One {
        params: &[Param::Stop],
        set: |defaults, request| put(defaults.stop.as_ref(), &mut request.sampling.stop),
        is_set: |request| request.sampling.stop.is_some(),
    },
];

fn put<T: Clone>(default: Option<&T>, place: &mut Option<T>) -> bool {
    if default.is_some() {
        *place = default.cloned();
    }
    default.is_some()
}

/// Sets defaults in a request in the canonical form; gives the parameters that were set.
pub(super) fn complete(defaults: &Defaults, request: &mut Request) -> Vec<Param> {
    let mut set = Vec::new();
    for one in ALL.iter().filter(|one| !(one.is_set)(request)).collect::<Vec<_>>() {
        if (one.set)(defaults, request) {
            set.extend(one.params);
        }
    }
    set
}

/// Adds defaults to a body that is forwarded, in the words of its dialect.
pub(super) fn splice_in(defaults: &Defaults, scan: &Scan<'_>, interface: &Interface, splice: &mut Splice) {
    let said = |name: &str| scan.field(name).is_some_and(|field| field.value != b"null");
    let target = dialect(interface.dialect);
    let variant = &interface.variant;
    for one in &ALL {
        let mut with = blank(interface);
        let paths = one.params.iter().map(|param| target.param_path(*param));
        let bounds = BOUNDS.into_iter().filter(|_| one.params == [Param::MaxTokens]);
        // A caller who says anything of an object says all of it.
        let mut heads = paths.filter_map(|path| path.split('.').next()).chain(bounds);
        if heads.any(said) || !(one.set)(defaults, &mut with) {
            continue;
        }
        let mut without = blank(interface);
        // Where the dialect requires a bound, its encoder writes one; a different one shows which field it is.
        without.max_tokens = with.max_tokens.map(|bound| bound ^ 1);
        let (with, without) =
            (target.encode_request(&with, variant).body, target.encode_request(&without, variant).body);
        for (field, value) in with.as_object().into_iter().flatten() {
            let name = variant.renamed.get(field).unwrap_or(field);
            if without.get(field) != Some(value) && !variant.forbidden.contains(name) {
                splice.set(name, Value::to_string(value));
            }
        }
    }
}

/// A request that says nothing.
fn blank(interface: &Interface) -> Request {
    Request {
        origin: interface.dialect,
        model: String::new(),
        instructions: None,
        turns: Vec::new(),
        tools: Vec::new(),
        tool_choice: None,
        parallel_tool_calls: None,
        output: OutputFormat::default(),
        verbosity: None,
        reasoning: ReasoningSpec::default(),
        sampling: Sampling::default(),
        max_tokens: None,
        max_tokens_field: interface.variant.max_tokens_field.unwrap_or_default(),
        stream: None,
        stream_usage: None,
        metadata: Metadata::default(),
        extras: Extras::default(),
    }
}
