//! A token that is good now.

use crate::keeper::Keeper;
use crate::{IdentityError, azure, google};
use std::fmt;
use switchtower_domain::{Secret, Transport, Way};

/// Where tokens come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// Google.
    Google(google::Source),
    /// Microsoft Entra ID.
    Azure(azure::Source),
}

/// Who the gateway is at one cloud. It never prints a token.
pub struct Identity {
    source: Source,
    keeper: Keeper<Secret>,
}

impl Identity {
    /// An identity that has asked for nothing yet.
    pub fn new(source: Source) -> Self {
        Self { source, keeper: Keeper::new() }
    }

    /// What kind of credentials it shows, for people.
    pub const fn kind(&self) -> &'static str {
        match &self.source {
            Source::Google(source) => source.kind(),
            Source::Azure(source) => source.kind(),
        }
    }

    /// A token that is good now. `way` is how its cloud is reached. One caller asks, and all who wait get the same; a
    /// token that is about to expire is refreshed by one caller while the others go on with it.
    ///
    /// # Errors
    /// [`IdentityError`] where none is held and none can be had.
    pub async fn token(&self, transport: &dyn Transport, way: Option<Way>) -> Result<Secret, IdentityError> {
        let ask = async {
            match &self.source {
                Source::Google(source) => source.ask(transport, way).await,
                Source::Azure(source) => source.ask(transport, way).await,
            }
        };
        self.keeper.good(self.kind(), ask).await
    }

    /// The last token that was given, good or not, to be masked in what a provider says.
    pub fn last(&self) -> Option<Secret> {
        self.keeper.last()
    }

    /// Forgets a token that its provider refused.
    pub fn forget(&self) {
        self.keeper.forget();
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.kind())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::{Application, Source as Azure};
    use crate::keeper::AFTER_FAILURE;
    use bytes::Bytes;
    use http::{Request, Response};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;
    use switchtower_domain::{ResponseBody, TransportError, TransportFuture};

    /// A token service that takes a second, and answers as it is told.
    #[derive(Debug, Default)]
    struct Service {
        asked: AtomicUsize,
        broken: std::sync::atomic::AtomicBool,
    }

    struct Whole(Option<Bytes>);

    impl http_body::Body for Whole {
        type Data = Bytes;
        type Error = TransportError;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, TransportError>>> {
            std::task::Poll::Ready(self.0.take().map(|bytes| Ok(http_body::Frame::data(bytes))))
        }
    }

    impl Transport for Service {
        fn send(&self, _: Request<Bytes>) -> TransportFuture<'_> {
            Box::pin(async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let number = self.asked.fetch_add(1, Ordering::Relaxed);
                if self.broken.load(Ordering::Relaxed) {
                    return Err(TransportError::Connect { reason: "nobody there".to_owned() });
                }
                let body = format!("{{\"access_token\": \"token-{number}\", \"expires_in\": 1000}}");
                let body: ResponseBody = Box::pin(Whole(Some(body.into())));
                Ok(Response::new(body))
            })
        }
    }

    fn identity() -> Arc<Identity> {
        let application = Application { authority: "http://a.example".into(), tenant: "t".into(), client: "c".into() };
        Arc::new(Identity::new(Source::Azure(Azure::secret(application, Secret::new("s")))))
    }

    async fn together(identity: &Arc<Identity>, service: &Arc<Service>, count: usize) -> Vec<Result<String, String>> {
        let asks: Vec<_> = (0..count)
            .map(|_| {
                let (identity, service) = (Arc::clone(identity), Arc::clone(service));
                tokio::spawn(async move {
                    let token = identity.token(&*service, None).await;
                    token.map(|token| token.expose().to_owned()).map_err(|error| error.to_string())
                })
            })
            .collect();
        let mut told = Vec::new();
        for ask in asks {
            told.push(ask.await.unwrap());
        }
        told
    }

    #[tokio::test(start_paused = true)]
    async fn one_asks_for_all_who_wait() {
        let (identity, service) = (identity(), Arc::new(Service::default()));
        assert_eq!(together(&identity, &service, 50).await, vec![Ok("token-0".to_owned()); 50]);
        assert_eq!(service.asked.load(Ordering::Relaxed), 1);
        assert!(!format!("{identity:?}").contains("token-0"));
    }

    #[tokio::test(start_paused = true)]
    async fn one_refreshes_ahead_while_the_others_go_on() {
        let (identity, service) = (identity(), Arc::new(Service::default()));
        together(&identity, &service, 1).await;
        tokio::time::advance(Duration::from_secs(790)).await;
        assert_eq!(together(&identity, &service, 3).await, vec![Ok("token-0".to_owned()); 3]);
        tokio::time::advance(Duration::from_secs(20)).await;
        let told = together(&identity, &service, 5).await;
        assert_eq!(told.iter().filter(|token| **token == Ok("token-1".to_owned())).count(), 1, "{told:?}");
        assert_eq!(told.iter().filter(|token| **token == Ok("token-0".to_owned())).count(), 4, "{told:?}");
        assert_eq!(service.asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_refresh_is_told_once_for_all_and_harms_nobody_while_the_token_is_good() {
        let (identity, service) = (identity(), Arc::new(Service::default()));
        together(&identity, &service, 1).await;
        service.broken.store(true, Ordering::Relaxed);
        tokio::time::advance(Duration::from_secs(900)).await;
        assert_eq!(together(&identity, &service, 1).await, [Ok("token-0".to_owned())]);
        tokio::time::advance(Duration::from_secs(95)).await;
        let asked = service.asked.load(Ordering::Relaxed);
        let told = together(&identity, &service, 20).await;
        assert!(
            told.iter().all(|told| told.as_ref().is_err_and(|error| error.contains("a.example cannot be reached")))
        );
        assert_eq!(service.asked.load(Ordering::Relaxed), asked + 1);
        service.broken.store(false, Ordering::Relaxed);
        tokio::time::advance(AFTER_FAILURE).await;
        assert!(together(&identity, &service, 1).await[0].is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_was_refused_is_not_shown_again() {
        let (identity, service) = (identity(), Arc::new(Service::default()));
        together(&identity, &service, 1).await;
        identity.forget();
        assert_eq!(together(&identity, &service, 1).await, [Ok("token-1".to_owned())]);
    }
}
