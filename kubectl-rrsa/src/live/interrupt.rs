//! That the program is to end, as somebody or the time wants, while there is something of ours in the cluster that has to go first.

use std::time::Duration;

use tokio::sync::watch;

/// Ctrl-C and its like, heard from the beginning and never forgotten.
#[derive(Clone, Debug)]
pub struct Interrupt(watch::Receiver<Option<&'static str>>);

impl Interrupt {
    /// From now on no signal ends the program by itself, nor does time, which is up `after` so long. Needs a runtime.
    #[must_use]
    pub fn listen(after: Option<Duration>) -> Self {
        let (sender, receiver) = watch::channel(None);
        tokio::spawn(async move {
            let up = async {
                match after {
                    Some(after) => tokio::time::sleep(after).await,
                    None => std::future::pending().await,
                }
            };
            let why = tokio::select! {
                () = signalled() => "interrupted",
                () = up => "the time of --timeout is up",
            };
            // Where nobody listens any more nothing is to be ended.
            let _ = sender.send(Some(why));
            sender.closed().await;
        });
        Self(receiver)
    }

    /// Why, once it has come.
    #[must_use]
    pub fn has_come(&self) -> Option<&'static str> {
        *self.0.borrow()
    }

    /// Ends when it has come, with why.
    pub async fn wait(&self) -> &'static str {
        let mut receiver = self.0.clone();
        let why = receiver.wait_for(Option::is_some).await.ok().and_then(|why| *why);
        match why {
            Some(why) => why,
            None => std::future::pending().await,
        }
    }
}

#[cfg(unix)]
async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    let wait = async |kind| match signal(kind) {
        Ok(mut signal) => drop(signal.recv().await),
        Err(_) => std::future::pending().await,
    };
    tokio::select! {
        () = wait(SignalKind::interrupt()) => (),
        () = wait(SignalKind::terminate()) => (),
        () = wait(SignalKind::hangup()) => (),
        () = wait(SignalKind::quit()) => (),
    }
}

#[cfg(not(unix))]
async fn signalled() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
