//! Session credentials: minted, remembered, looked up.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rand::Rng as _;
use serde_json::{Value, json};

use crate::sandbox::world::alphanumeric;

/// The bytes whose Base64 form is `CAIS`, with which every security token begins.
const TOKEN_START: [u8; 3] = [0x08, 0x02, 0x12];

/// Length of a security token before Base64; 600 characters after it.
const TOKEN_BYTES: usize = 450;

/// A role played under a session name.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) role: String,
    pub(super) name: String,
    pub(super) secret: String,
    pub(super) security_token: String,
    pub(super) expires: Timestamp,
}

/// Every session, by its AccessKeyId.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<String, Session>>);

impl Sessions {
    /// Makes session credentials for `role`; its answer is the pair of the AccessKeyId and the session.
    pub(super) fn mint(&self, role: &str, name: &str, expires: Timestamp) -> (String, Session) {
        let mut token = vec![0; TOKEN_BYTES];
        rand::rng().fill_bytes(&mut token);
        token[..TOKEN_START.len()].copy_from_slice(&TOKEN_START);
        let session = Session {
            role: role.to_owned(),
            name: name.to_owned(),
            secret: alphanumeric(44),
            security_token: STANDARD.encode(token),
            expires,
        };
        let id = format!("STS.{}", alphanumeric(25));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), session.clone());
        (id, session)
    }

    pub(super) fn find(&self, access_key_id: &str) -> Option<Session> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(access_key_id).cloned()
    }
}

/// Whether `token` could be a security token at all.
pub(super) fn is_security_token(token: &str) -> bool {
    STANDARD.decode(token).is_ok_and(|bytes| bytes.starts_with(&TOKEN_START))
}

/// `Credentials` of an STS answer.
pub(super) fn credentials(access_key_id: &str, session: &Session) -> Value {
    json!({
        "AccessKeyId": access_key_id,
        "AccessKeySecret": session.secret,
        "SecurityToken": session.security_token,
        "Expiration": session.expires.to_string(),
    })
}
