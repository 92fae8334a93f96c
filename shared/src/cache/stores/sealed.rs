//! Files sealed under a key that lives in the kernel keyring: for what the keyring's quota does not take. Without that key, after
//! a reboot or on another machine, they are noise.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use super::kernel::{Kernel, Refused};
use super::{Listed, StoreError, listed};
use crate::cache::{CacheKey, Entry, Folder};

const NAME: &str = "sealed file";
const SUFFIX: &str = ".sealed";
/// What the bytes begin with.
const MAGIC: &[u8] = b"rrsa-sealed-1\n";
/// Name of the key in the keyring.
const KEY: &str = "sealing-key";
/// How long it outlives the newest entry: longer than any entry lives, a certificate of 72 hours included.
const KEY_SECONDS: i64 = 4 * 24 * 3600;

fn name(key: &CacheKey) -> String {
    format!("{key}{SUFFIX}")
}

fn sealing_key(bytes: &[u8]) -> Option<LessSafeKey> {
    Some(LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, bytes).ok()?))
}

fn unseal(sealed: &[u8], key: &CacheKey, with: &LessSafeKey) -> Option<Zeroizing<Vec<u8>>> {
    let rest = sealed.strip_prefix(MAGIC)?;
    let (nonce, body) = rest.split_at_checked(NONCE_LEN)?;
    let mut bytes = Zeroizing::new(body.to_vec());
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let size = with.open_in_place(nonce, Aad::from(key.as_str()), &mut bytes).ok()?.len();
    bytes.truncate(size);
    Some(bytes)
}

fn seal(entry: &Entry, key: &CacheKey, with: &LessSafeKey) -> Option<Vec<u8>> {
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).ok()?;
    let mut body = entry.to_bytes();
    with.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(key.as_str()), &mut *body)
        .ok()?;
    Some([MAGIC, &nonce, &body].concat())
}

pub(super) fn get(kernel: &Kernel, folder: &Folder, key: &CacheKey) -> Option<Entry> {
    let sealed = folder.read(&name(key)).ok()??;
    let with = sealing_key(&kernel.read(KEY)?)?;
    Entry::from_bytes(&unseal(&sealed, key, &with)?)
}

/// The bytes of the sealing key, made when there is none. While the keyring has room it has room for this one; when it is
/// full it is too late.
pub(super) fn prepare(kernel: &Kernel) -> Result<Zeroizing<Vec<u8>>, String> {
    let known = kernel.read(KEY).filter(|bytes| bytes.len() == CHACHA20_POLY1305.key_len());
    let bytes = match known {
        Some(bytes) => bytes,
        None => {
            let mut bytes = Zeroizing::new(vec![0; CHACHA20_POLY1305.key_len()]);
            SystemRandom::new().fill(&mut bytes).map_err(|_| "no randomness".to_owned())?;
            bytes
        }
    };
    // Each entry gives it its whole time anew.
    kernel.write(KEY, &bytes, KEY_SECONDS).map_err(|refused| match refused {
        Refused::Full => "the kernel keyring has no room for its key".to_owned(),
        Refused::Blocked(why) => why,
    })?;
    // Two processes may have made one each; the one that the keyring holds now counts.
    kernel.read(KEY).ok_or_else(|| "the kernel keyring does not give its key back".to_owned())
}

pub(super) fn put(kernel: &Kernel, folder: &Folder, key: &CacheKey, entry: &Entry) -> Result<(), StoreError> {
    let failed = |why: String| StoreError(format!("the sealed file cannot be written: {why}"));
    folder.make().map_err(|error| failed(error.to_string()))?;
    let bytes = prepare(kernel).map_err(failed)?;
    let with = sealing_key(&bytes).ok_or_else(|| failed("its key is none".to_owned()))?;
    let sealed = seal(entry, key, &with).ok_or_else(|| failed("sealing failed".to_owned()))?;
    folder.write(&name(key), &sealed).map_err(|error| failed(error.to_string()))?;
    Ok(())
}

pub(super) fn remove(folder: &Folder, key: &CacheKey) {
    // Nothing to be done about one that stays: it cannot be read once its entry has ended.
    let _ = folder.remove(&name(key));
}

/// Takes the key away; what is still sealed is noise then.
pub(super) fn forget(kernel: &Kernel) {
    kernel.forget(KEY);
}

pub(super) fn list(kernel: &Kernel, folder: &Folder) -> Vec<Listed> {
    let keys = folder.names();
    let keys = keys.iter().filter_map(|name| CacheKey::parse(name.strip_suffix(SUFFIX)?));
    keys.filter_map(|key| Some(listed(key.clone(), NAME, get(kernel, folder, &key)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::{Kept, KeyInputs};
    use crate::sts::AccessKey;

    #[test]
    fn what_is_sealed_opens_under_its_own_key_and_name_only() {
        let secret = "hunter2hunter2";
        let key = AccessKey { id: "STS.x".into(), secret: secret.into(), security_token: None };
        let entry = Entry {
            kept: Kept::Session(key),
            made: 1,
            expires: 3601,
            words: "w".to_owned(),
            witnesses: Vec::new(),
        };
        let name = KeyInputs::default().finish();
        let (one, other) = (sealing_key(&[1; 32]).unwrap(), sealing_key(&[2; 32]).unwrap());
        let sealed = seal(&entry, &name, &one).unwrap();
        assert!(!sealed.windows(secret.len()).any(|window| window == secret.as_bytes()));
        let opened = unseal(&sealed, &name, &one).unwrap();
        assert_eq!(Entry::from_bytes(&opened), Some(entry));
        assert!(unseal(&sealed, &name, &other).is_none());
        let mut inputs = KeyInputs::default();
        inputs.add("another", None);
        assert!(unseal(&sealed, &inputs.finish(), &one).is_none());
        for at in 0..sealed.len() {
            let mut broken = sealed.clone();
            broken[at] ^= 1;
            assert!(unseal(&broken, &name, &one).is_none(), "{at}");
        }
    }
}
