//! What a credential of the OS keyring holds in parts: what is larger than the system takes is split, and its header is written
//! last. Without a header that fits, there is no entry.

use std::collections::HashMap;
use std::sync::Arc;

use keyring_core::{CredentialStore, Entry as Credential, Error};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::cache::CacheKey;

const SERVICE: &str = "rrsa-exec-credential";
/// What a credential of Windows holds at most, bytes (CRED_MAX_CREDENTIAL_BLOB_SIZE).
const MOST: usize = 2560;
/// Length of a header: how many parts, and the digest of all of them.
const HEADER: usize = 1 + 32;
/// Nothing that is kept has more parts.
const PARTS: usize = 64;
fn credential(store: &Arc<CredentialStore>, name: &str) -> Result<Credential, Error> {
    // On Windows a credential otherwise follows its user to other machines.
    let modifiers = HashMap::from([("persistence", "local")]);
    // The mock of the tests takes none.
    let modifiers = cfg!(all(windows, not(test))).then_some(&modifiers);
    match modifiers {
        Some(modifiers) => Credential::new_in_store_with_modifiers(store, SERVICE, name, modifiers),
        None => Credential::new_in_store(store, SERVICE, name),
    }
}

fn part(key: &CacheKey, at: usize) -> String {
    format!("{key}.{at}")
}

/// The bytes that are kept under a name.
pub(super) fn read(
    store: &Arc<CredentialStore>,
    key: &CacheKey,
) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let get = |name: &str| match credential(store, name)?.get_secret() {
        Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(error),
    };
    let Some(header) = get(key.as_str())?.filter(|header| header.len() == HEADER) else { return Ok(None) };
    let mut bytes = Zeroizing::new(Vec::new());
    for at in 0..usize::from(header[0]) {
        let Some(more) = get(&part(key, at))? else { return Ok(None) };
        bytes.extend_from_slice(&more);
    }
    // Parts of two versions do not make one.
    Ok((Sha256::digest(&*bytes)[..] == header[1..]).then_some(bytes))
}

/// Keeps bytes under a name, in the place of others.
pub(super) fn write(store: &Arc<CredentialStore>, key: &CacheKey, bytes: &[u8]) -> Result<(), Error> {
    let parts: Vec<_> = bytes.chunks(MOST).collect();
    let count = u8::try_from(parts.len()).ok().filter(|count| usize::from(*count) <= PARTS);
    let count = count.ok_or_else(|| Error::TooLong("secret".to_owned(), 0))?;
    for (at, bytes) in parts.iter().enumerate() {
        credential(store, &part(key, at))?.set_secret(bytes)?;
    }
    let header = [&[count][..], &Sha256::digest(bytes)[..]].concat();
    credential(store, key.as_str())?.set_secret(&header)
}

/// Takes away what is kept under a name.
pub(super) fn erase(store: &Arc<CredentialStore>, key: &CacheKey) -> Result<(), Error> {
    let delete = |name: &str| match credential(store, name)?.delete_credential() {
        Ok(()) => Ok(true),
        Err(Error::NoEntry) => Ok(false),
        Err(error) => Err(error),
    };
    delete(key.as_str())?;
    // Parts of an older, longer entry may be there too.
    for at in 0..PARTS {
        if !delete(&part(key, at))? {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::KeyInputs;

    #[test]
    fn what_is_too_large_is_split_and_read_back_whole() {
        let store: Arc<CredentialStore> = keyring_core::mock::Store::new().unwrap();
        let key = KeyInputs::default().finish();
        assert!(read(&store, &key).unwrap().is_none());
        for size in [0, 1, MOST, MOST + 1, 3 * MOST, 5, 40_000] {
            let bytes: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
            write(&store, &key, &bytes).unwrap();
            assert_eq!(*read(&store, &key).unwrap().unwrap(), bytes, "{size}");
        }
        assert!(matches!(write(&store, &key, &vec![0; MOST * (PARTS + 1)]), Err(Error::TooLong(..))));
        erase(&store, &key).unwrap();
        assert!(read(&store, &key).unwrap().is_none());
        assert!(credential(&store, &part(&key, 0)).unwrap().get_secret().is_err(), "no part is left");
    }

    #[test]
    fn parts_of_two_writers_are_no_entry() {
        let store: Arc<CredentialStore> = keyring_core::mock::Store::new().unwrap();
        let key = KeyInputs::default().finish();
        write(&store, &key, &[1; 6000]).unwrap();
        credential(&store, &part(&key, 1)).unwrap().set_secret(&[2; MOST]).unwrap();
        assert!(read(&store, &key).unwrap().is_none());
        credential(&store, &part(&key, 1)).unwrap().delete_credential().unwrap();
        assert!(read(&store, &key).unwrap().is_none());
    }
}
