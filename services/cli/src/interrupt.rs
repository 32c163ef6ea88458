//! Ctrl-C as a future: whoever waits for something can also wait for it, and still say what there was until then.

use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};

/// Ready once the user has pressed Ctrl-C. Clones are of one key press.
pub(crate) type Interrupt = Shared<BoxFuture<'static, ()>>;

/// Waits for Ctrl-C from now on. Where signals cannot be had, the key ends the process as ever, and this future never does.
pub(crate) fn interrupt() -> Interrupt {
    let pressed = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    pressed.boxed().shared()
}

/// What comes first: the work's end (Some) or Ctrl-C (None).
pub(crate) async fn unless<T>(interrupt: &Interrupt, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = interrupt.clone() => None,
        done = work => Some(done),
    }
}
