//! The call that asks a provider for its models.

use crate::{Provider, RequestError, request};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, Request, Uri};
use switchtower_dialect::ListingForm;
use switchtower_domain::DialectId;

/// How many models one page is to have, where a page is asked for.
const PAGE: &str = "1000";

/// The request for a page of a provider's models, the first one or one that the page before it named, and the form of
/// its answer.
///
/// # Errors
/// [`RequestError::NoSuchOperation`] for providers that list their models elsewhere or not at all: those of Bedrock and
/// Vertex AI are listed by their clouds, and those of Azure are deployments.
pub fn listing(provider: &Provider, page: Option<&str>) -> Result<(ListingForm, Request<Bytes>), RequestError> {
    let interface = &provider.main;
    let base = interface.endpoint.base();
    let without = |version: &str| base.strip_suffix(version).unwrap_or(base).to_owned();
    let elsewhere =
        interface.within.is_some() || interface.endpoint.version().is_some() || base.contains("/publishers/");
    let (form, address, size, token) = match interface.dialect {
        _ if elsewhere => return Err(RequestError::NoSuchOperation),
        DialectId::BedrockConverse => return Err(RequestError::NoSuchOperation),
        DialectId::OpenaiChat | DialectId::OpenaiResponses => {
            (ListingForm::Openai, format!("{base}/models"), None, None)
        }
        DialectId::AnthropicMessages => {
            let address = format!("{}/v1/models", without("/v1"));
            (ListingForm::Anthropic, address, Some("limit"), Some("after_id"))
        }
        DialectId::GoogleGemini => (ListingForm::Gemini, format!("{base}/models"), Some("pageSize"), Some("pageToken")),
        DialectId::CohereChat => {
            let address = format!("{}/v1/models", without("/v2"));
            (ListingForm::Cohere, address, Some("page_size"), Some("page_token"))
        }
        DialectId::OllamaChat => (ListingForm::Ollama, format!("{}/api/tags", without("/v1")), None, None),
    };
    let size = size.map(|name| format!("{name}={PAGE}"));
    let page = token.zip(page).map(|(name, page)| format!("{name}={}", escaped(page)));
    let query: Vec<String> = size.into_iter().chain(page).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    let address: Uri =
        format!("{address}{mark}{}", query.join("&")).parse().map_err(|_| RequestError::NoSuchOperation)?;
    let mut asked = request(provider, interface, address, Bytes::new(), false, &HeaderMap::new())?;
    *asked.method_mut() = Method::GET;
    asked.headers_mut().remove(CONTENT_TYPE);
    Ok((form, asked))
}

/// A text as the value of a query.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Credential, known};
    use switchtower_domain::ProviderName;

    fn asked(kind: &str, base: &str, page: Option<&str>) -> Result<(ListingForm, String), RequestError> {
        let kind = known(kind).unwrap();
        let provider = Provider::of_kind(ProviderName::new("p").unwrap(), kind, base, Credential::None).unwrap();
        listing(&provider, page).map(|(form, request)| {
            assert_eq!((request.method(), request.headers().get(CONTENT_TYPE)), (&Method::GET, None));
            (form, request.uri().to_string())
        })
    }

    #[test]
    fn each_vendor_is_asked_where_it_lists_its_models() {
        for (kind, base, form, address) in [
            ("openai", "https://a.example/v1", ListingForm::Openai, "https://a.example/v1/models"),
            ("anthropic", "https://a.example", ListingForm::Anthropic, "https://a.example/v1/models?limit=1000"),
            (
                "google",
                "https://a.example/v1beta",
                ListingForm::Gemini,
                "https://a.example/v1beta/models?pageSize=1000",
            ),
            ("cohere", "https://a.example/v2", ListingForm::Cohere, "https://a.example/v1/models?page_size=1000"),
            ("ollama", "http://a.example:11434/v1", ListingForm::Openai, "http://a.example:11434/v1/models"),
        ] {
            assert_eq!(asked(kind, base, None), Ok((form, address.to_owned())), "{kind}");
        }
        let next = asked("anthropic", "https://a.example/v1", Some("a b&c")).unwrap();
        assert_eq!(next.1, "https://a.example/v1/models?limit=1000&after_id=a%20b%26c");
        for (kind, base) in [
            ("bedrock", "https://a.example"),
            ("google_vertex", "https://a.example/v1/projects/p/locations/l/publishers/google"),
            ("google_vertex_anthropic", "https://a.example/v1/projects/p/locations/l/publishers/anthropic"),
        ] {
            assert_eq!(asked(kind, base, None), Err(RequestError::NoSuchOperation), "{kind}");
        }
    }
}
