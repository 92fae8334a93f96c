//! Chance: nonces and jitter, which are no secrets, and one kind of secret.

use std::sync::{Arc, Mutex, PoisonError};

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::secret::Secret;

/// A source of nonces and jitter.
#[derive(Clone, Debug)]
pub struct Random(Arc<Mutex<fastrand::Rng>>);

impl Random {
    /// Seeded by the operating system.
    #[must_use]
    pub fn real() -> Self {
        Self(Arc::new(Mutex::new(fastrand::Rng::new())))
    }

    /// Gives the same sequence for the same seed.
    #[must_use]
    pub fn fake(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))))
    }

    /// 32 hexadecimal digits that do not come twice.
    #[must_use]
    pub fn nonce(&self) -> String {
        format!("{:032x}", self.rng(|rng| rng.u128(..)))
    }

    /// 128 bits that nobody guesses, 32 hexadecimal digits; always the operating system's.
    ///
    /// # Panics
    /// On a machine without randomness, which has no TLS either.
    #[must_use]
    pub fn secret() -> Secret {
        let mut bytes = [0_u8; 16];
        SystemRandom::new().fill(&mut bytes).expect("the machine has randomness");
        Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    }

    /// A factor, 0 to 1.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        self.rng(fastrand::Rng::f64)
    }

    fn rng<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
