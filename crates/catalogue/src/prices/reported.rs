//! What a provider itself says that a request cost.

use serde_json::Value;
use switchtower_domain::{Amount, Currency, Money, Usage};

/// How many decimals xAI's ticks have: 10¹⁰ of them are a dollar.
///
/// <https://docs.x.ai/docs/key-information/cost-tracking> (unread); recorded usage agrees with its price list.
const XAI_TICK_DECIMALS: i32 = 10;

/// The cost that a provider reports in its usage, which is kept beside ours and never in its place.
///
/// - OpenRouter: `cost`, in credits that are dollars (recorded; <https://openrouter.ai/docs/use-cases/usage-accounting>).
/// - Perplexity: `cost.total_cost`, in dollars (recorded).
/// - xAI: `cost_in_usd_ticks` (recorded).
pub fn reported_cost(usage: &Usage) -> Option<Money> {
    let number = |value: &Value, shift| match value {
        Value::Number(number) => Amount::parse_shifted(&number.to_string(), shift).ok(),
        _ => None,
    };
    let ticks = usage.extras.get("cost_in_usd_ticks").and_then(|ticks| number(ticks, -XAI_TICK_DECIMALS));
    let cost = usage.extras.get("cost");
    let amount = ticks.or_else(|| number(cost?, 0)).or_else(|| number(cost?.get("total_cost")?, 0))?;
    Some(Money::new(amount, Currency::USD))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use switchtower_domain::Extras;

    #[test]
    fn what_providers_report_is_read_exactly() {
        let reported = |extras: Value| {
            let Value::Object(fields) = extras else { return None };
            let usage = Usage { extras: Extras::new(fields, Vec::new()), ..Usage::default() };
            reported_cost(&usage).map(|money| money.to_string())
        };
        assert_eq!(reported(serde_json::from_str(r#"{"cost": 0.0000130}"#).unwrap()), Some("0.000013 USD".into()));
        assert_eq!(reported(json!({"cost": {"total_cost": 0.005}})), Some("0.005 USD".into()));
        assert_eq!(reported(json!({"cost_in_usd_ticks": 1_234_500})), Some("0.00012345 USD".into()));
        assert_eq!(reported(json!({"cost": null})), None);
        assert_eq!(reported(json!({})), None);
    }
}
