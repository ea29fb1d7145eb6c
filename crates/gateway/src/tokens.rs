//! Counting tokens apart from everything else.

use tokio::sync::Semaphore;

/// How many bytes of text a token of a prompt has, where nobody counted: as vendors say of English.
pub(crate) const BYTES_OF_TOKEN: u64 = 4;

/// Counts on a thread apart. A vocabulary is unpacked when it is first used, and long texts take their time; one count
/// follows another, so that callers who count much take one core from those who do not, and no more threads. Nothing
/// where the count broke off.
pub(crate) async fn apart<T: Send + 'static>(count: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    static TURN: Semaphore = Semaphore::const_new(1);
    let _turn = TURN.acquire().await.ok()?;
    tokio::task::spawn_blocking(count).await.ok()
}
