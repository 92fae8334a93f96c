//! What somebody else said: asked for again while it is busy, and held against what a key is.

use std::time::Duration;

use rrsa_shared::secret::Secret;
use rrsa_shared::source::Answer;
use rrsa_shared::sts::AccessKey;

use super::{Obtained, Outcome, Seeker, Trouble, broken};
use crate::output::Issued;

/// What is left of the patience to tell of an answer that was none.
const LAST_WORD: Duration = Duration::from_millis(100);

impl Seeker<'_> {
    /// An answer that is none because it cannot be given now is asked for again, for as long as there is time.
    pub(super) async fn patiently(&self, ask: impl AsyncFn() -> Answer) -> Answer {
        let mut answer = ask().await;
        for pause in [200, 400, 800].map(Duration::from_millis) {
            if !matches!(answer, Answer::Busy(_)) {
                break;
            }
            let taken =
                self.clock.elapsed().saturating_sub(self.start).saturating_sub(self.in_commands.get());
            let left = self.patience.0.saturating_sub(taken).saturating_sub(pause + LAST_WORD);
            self.clock.sleep(pause).await;
            // What it has said already is a better answer than none.
            match tokio::time::timeout(left, ask()).await {
                Ok(said) => answer = said,
                Err(_) => break,
            }
        }
        answer
    }

    /// What somebody else gave, if it is worth anything.
    pub(super) fn told(&self, answer: Answer) -> Outcome {
        // It took somebody's time to say so.
        self.worth(answer).map_err(|trouble| match trouble {
            Trouble::Failed(error) => Trouble::Failed(error.costly()),
            absent @ Trouble::Absent(_) => absent,
        })
    }

    fn worth(&self, answer: Answer) -> Outcome {
        let Answer::Found { key, expiration, from } = &answer else { return of_answer(answer) };
        let parts = [
            Some(key.id.as_str()),
            Some(key.secret.expose()),
            key.security_token.as_ref().map(Secret::expose),
        ];
        for part in parts.into_iter().flatten() {
            if part.is_empty() {
                return Err(broken(&format!("{from}: the key that it gave is not complete")));
            }
            if !part.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(broken(&format!(
                    "{from}: the key that it gave holds what no key does, such as a line feed"
                )));
            }
        }
        match expiration.filter(|at| *at <= self.clock.now()) {
            Some(at) => Err(broken(&format!("{from}: what it gave has ended already, at {at}"))),
            None => of_answer(answer),
        }
    }
}

pub(super) fn of_answer(answer: Answer) -> Outcome {
    match answer {
        Answer::Found { key, expiration, from } => {
            let key: AccessKey = key;
            Ok(Obtained { issued: Issued { key, expires: expiration.map(|at| at.as_second()) }, words: from })
        }
        Answer::Absent(why) => Err(Trouble::Absent(why)),
        Answer::Failed(why) | Answer::Busy(why) => Err(broken(&why)),
    }
}
