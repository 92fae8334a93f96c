//! The Secret Service of a desktop session, over D-Bus. (specifications.freedesktop.org/secret-service)
//!
//! gnome-keyring aborts when a connection's first call is OpenSession, and hangs under many clients: a harmless call goes first
//! and is waited for, one process at a time speaks, nothing is started or unlocked, no prompt is shown, and everything together
//! takes a second at most.

use std::collections::HashMap;
use std::fmt;
use std::fs::TryLockError;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zbus::export::futures_core::Stream as _;
use zbus::message::{Flags, Type as MessageType};
use zbus::wire::{DynamicType, ObjectPath, OwnedObjectPath, OwnedVariant, Type, Variant};
use zbus::{Connection, Message, MessageStream};
use zeroize::Zeroizing;

use super::{Listed, StoreError, listed};
use crate::cache::{CacheKey, Entry, Folder};

pub(super) const NAME: &str = "Secret Service";

/// For everything that it is asked, the connection included.
const DEADLINE: Duration = Duration::from_secs(1);
/// For others of ours that speak before us, as long as it answers them.
const TURN: Duration = Duration::from_secs(4);
/// Between two looks at the lock.
const PAUSE: Duration = Duration::from_millis(3);
const LOCK: &str = "secret-service.lock";
/// An empty file of this name tells those who wait for their turn that it does not answer.
const SILENT: &str = "secret-service.silent";
/// An empty file of this name tells that something was kept here.
pub(super) const USED: &str = "secret-service.used";

const BUS: &str = "org.freedesktop.secrets";
const SERVICE: &str = "org.freedesktop.Secret.Service";
const COLLECTION: &str = "org.freedesktop.Secret.Collection";
const ITEM: &str = "org.freedesktop.Secret.Item";
const PATH: &str = "/org/freedesktop/secrets";

/// Session, parameters, value, content type.
type Secret = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

/// Why it does not help.
#[derive(Debug)]
enum Trouble {
    /// Nobody speaks for it.
    Absent(String),
    /// Somebody would have to unlock it.
    Locked,
    /// It did not answer in time.
    Silent,
    /// Others of ours were before us all the time.
    Busy,
    /// Its own words.
    Said(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(why) => write!(f, "there is none: {why}"),
            Self::Locked => f.write_str("it is locked, and nobody is asked to unlock it"),
            Self::Silent => write!(f, "it did not answer within {} s", DEADLINE.as_secs()),
            Self::Busy => {
                write!(f, "others of this program's runs were before this one for {} s", TURN.as_secs())
            }
            Self::Said(words) => f.write_str(words),
        }
    }
}

impl From<zbus::Error> for Trouble {
    fn from(error: zbus::Error) -> Self {
        Self::Said(error.to_string())
    }
}

/// The items of one cache.
#[derive(Clone, Debug)]
pub(super) struct SecretService {
    scope: String,
    folder: Option<Folder>,
}

/// Whether it has let this process wait in vain: it does so once.
static IN_VAIN: AtomicBool = AtomicBool::new(false);

/// The right to speak, and whether somebody had it before.
struct Turn {
    _file: std::fs::File,
    was_waited_for: bool,
}

/// What all items of ours say.
const APPLICATION: &str = "rrsa-exec-credential";

/// A conversation with the service.
struct Talk {
    connection: Connection,
    answers: MessageStream,
    collection: OwnedObjectPath,
    session: OwnedObjectPath,
}

impl SecretService {
    /// The items of the cache with this folder.
    pub(super) fn of(folder: Option<&Folder>) -> Self {
        Self { scope: super::scope(folder), folder: folder.cloned() }
    }

    /// Runs one conversation to its end.
    fn speak<T>(&self, talk: impl AsyncFnOnce(&mut Talk) -> Result<T, Trouble>) -> Result<T, StoreError> {
        let failed = |trouble: Trouble| StoreError(trouble.to_string());
        if IN_VAIN.load(Ordering::Relaxed) {
            return Err(failed(Trouble::Silent));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failed(Trouble::Said(error.to_string())))?;
        let ended = runtime.block_on(async {
            let turn = tokio::time::timeout(TURN, self.lock()).await.map_err(|_| Trouble::Busy)?;
            let folder = self.folder.as_ref();
            // Whoever was before us has waited for it long enough.
            if turn.as_ref().is_some_and(|turn| turn.was_waited_for)
                && folder.is_some_and(|folder| folder.read(SILENT).is_ok_and(|found| found.is_some()))
            {
                return Err(Trouble::Silent);
            }
            let told = async { talk(&mut Talk::begin().await?).await };
            let told = tokio::time::timeout(DEADLINE, told).await.unwrap_or(Err(Trouble::Silent));
            if let Some(folder) = folder {
                let _ = match told {
                    Err(Trouble::Silent) => folder.write(SILENT, b""),
                    _ => folder.remove(SILENT),
                };
            }
            told
        });
        // Whatever still waits for the bus is left behind.
        runtime.shutdown_background();
        if matches!(ended, Err(Trouble::Silent | Trouble::Busy)) {
            IN_VAIN.store(true, Ordering::Relaxed);
        }
        ended.map_err(failed)
    }

    /// The right to speak; without a folder everybody has it.
    async fn lock(&self) -> Option<Turn> {
        let file = self.folder.as_ref()?.open_lock(LOCK).ok()?;
        let mut was_waited_for = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Some(Turn { _file: file, was_waited_for }),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(PAUSE).await,
                Err(TryLockError::Error(_)) => return None,
            }
            was_waited_for = true;
        }
    }

    fn attributes<'a>(&'a self, key: Option<&'a CacheKey>) -> HashMap<&'a str, &'a str> {
        let mut attributes = HashMap::from([("application", APPLICATION), ("cache", &self.scope)]);
        if let Some(key) = key {
            attributes.insert("key", key.as_str());
        }
        attributes
    }

    pub(super) fn get(&self, key: &CacheKey) -> Option<Entry> {
        self.read(key).ok()?
    }

    /// What is kept under a name; an error where that cannot be said.
    pub(super) fn read(&self, key: &CacheKey) -> Result<Option<Entry>, StoreError> {
        self.speak(async |talk| {
            let Some(item) = talk.search(&self.attributes(Some(key))).await?.into_iter().next() else {
                return Ok(None);
            };
            Ok(Entry::from_bytes(&talk.secret(&item).await?))
        })
    }

    pub(super) fn put(&self, key: &CacheKey, entry: &Entry) -> Result<(), StoreError> {
        self.speak(async |talk| {
            let bytes = entry.to_bytes();
            let label = format!("rrsa-exec-credential: {}", entry.words);
            talk.create(&label, self.attributes(Some(key)), &bytes).await?;
            // Nobody else takes those away that have ended.
            for item in talk.search(&self.attributes(None)).await? {
                let other = Entry::from_bytes(&talk.secret(&item).await?);
                if other.is_none_or(|other| other.expires < entry.made) {
                    talk.delete(&item).await?;
                }
            }
            Ok(())
        })
    }

    pub(super) fn remove(&self, key: &CacheKey) -> Result<(), StoreError> {
        self.speak(async |talk| {
            for item in talk.search(&self.attributes(Some(key))).await? {
                talk.delete(&item).await?;
            }
            Ok(())
        })
    }

    /// How many entries other caches of the user have.
    pub(super) fn count_elsewhere(&self) -> Result<usize, StoreError> {
        self.speak(async |talk| {
            let all = talk.search(&HashMap::from([("application", APPLICATION)])).await?.len();
            Ok(all - talk.search(&self.attributes(None)).await?.len().min(all))
        })
    }

    /// Takes away what any cache of the user keeps.
    pub(super) fn forget_all(&self) -> Result<(), StoreError> {
        self.speak(async |talk| {
            for item in talk.search(&HashMap::from([("application", APPLICATION)])).await? {
                talk.delete(&item).await?;
            }
            Ok(())
        })
    }

    pub(super) fn list(&self) -> Result<Vec<Listed>, StoreError> {
        self.speak(async |talk| {
            let mut found = Vec::new();
            for item in talk.search(&self.attributes(None)).await? {
                let key = talk.attributes(&item).await?.remove("key");
                let entry = Entry::from_bytes(&talk.secret(&item).await?);
                if let (Some(key), Some(entry)) = (key.as_deref().and_then(CacheKey::parse), entry) {
                    found.push(listed(key, NAME, entry));
                }
            }
            Ok(found)
        })
    }
}

impl Talk {
    async fn begin() -> Result<Self, Trouble> {
        let absent = |error: zbus::Error| Trouble::Absent(error.to_string());
        let connection = Connection::session().await.map_err(absent)?;
        let answers = MessageStream::from(&connection);
        let none = || OwnedObjectPath::try_from("/").map_err(|error| Trouble::Said(error.to_string()));
        let mut talk = Self { connection, answers, collection: none()?, session: none()? };
        // Harmless, and waited for: the service knows this connection when the next call comes.
        talk.collection = match talk.call(PATH, SERVICE, "ReadAlias", &("default",)).await {
            Ok(collection) => collection,
            Err(Trouble::Said(words)) => return Err(Trouble::Absent(words)),
            Err(trouble) => return Err(trouble),
        };
        if talk.collection.as_str() == "/" {
            return Err(Trouble::Absent("it has no default collection".to_owned()));
        }
        let plain = ("plain", Variant::new(""));
        (_, talk.session) =
            talk.call::<(OwnedVariant, OwnedObjectPath)>(PATH, SERVICE, "OpenSession", &plain).await?;
        Ok(talk)
    }

    async fn call<R: DeserializeOwned + Type>(
        &mut self,
        path: &str,
        interface: &str,
        member: &str,
        body: &(impl Serialize + DynamicType),
    ) -> Result<R, Trouble> {
        let call = Message::method_call(path, member)
            .destination(BUS)
            .interface(interface)
            .with_flags(Flags::NO_AUTO_START)
            .build(body)?;
        let serial = call.primary_header().serial_num();
        self.connection.send(&call).await?;
        loop {
            let answer = poll_fn(|context| Pin::new(&mut self.answers).poll_next(context)).await;
            let answer = answer.ok_or_else(|| Trouble::Absent("the bus went away".to_owned()))??;
            if answer.header().reply_serial() != Some(serial) {
                continue;
            }
            return match answer.message_type() {
                MessageType::MethodReturn => Ok(answer.body().deserialize()?),
                _ => Err(refusal(&answer)),
            };
        }
    }

    /// Items that can be read now.
    async fn search(&mut self, attributes: &HashMap<&str, &str>) -> Result<Vec<OwnedObjectPath>, Trouble> {
        let (open, locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) =
            self.call(PATH, SERVICE, "SearchItems", &(attributes,)).await?;
        if open.is_empty() && !locked.is_empty() { Err(Trouble::Locked) } else { Ok(open) }
    }

    async fn secret(&mut self, item: &ObjectPath<'_>) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        let session = self.session.clone();
        let ((_, _, value, _),): (Secret,) = self.call(item.as_str(), ITEM, "GetSecret", &(session,)).await?;
        Ok(Zeroizing::new(value))
    }

    async fn attributes(&mut self, item: &ObjectPath<'_>) -> Result<HashMap<String, String>, Trouble> {
        let (value,): (OwnedVariant,) =
            self.call(item.as_str(), "org.freedesktop.DBus.Properties", "Get", &(ITEM, "Attributes")).await?;
        value.try_into().map_err(|error: zbus::Error| error.into())
    }

    async fn create(
        &mut self,
        label: &str,
        attributes: HashMap<&str, &str>,
        value: &[u8],
    ) -> Result<(), Trouble> {
        let properties = HashMap::from([
            ("org.freedesktop.Secret.Item.Label", Variant::new(label)),
            ("org.freedesktop.Secret.Item.Attributes", Variant::new(attributes)),
        ]);
        let secret = (self.session.clone(), Vec::<u8>::new(), value, "text/plain");
        let path = self.collection.as_str().to_owned();
        let made: Result<(OwnedObjectPath, OwnedObjectPath), _> =
            self.call(&path, COLLECTION, "CreateItem", &(properties, secret, true)).await;
        match made {
            // A prompt that is never begun is never shown.
            Ok((_, prompt)) if prompt.as_str() != "/" => Err(Trouble::Locked),
            Ok(_) => Ok(()),
            Err(trouble) => Err(trouble),
        }
    }

    async fn delete(&mut self, item: &ObjectPath<'_>) -> Result<(), Trouble> {
        let (prompt,): (OwnedObjectPath,) = self.call(item.as_str(), ITEM, "Delete", &()).await?;
        if prompt.as_str() == "/" { Ok(()) } else { Err(Trouble::Locked) }
    }
}

/// What an answer that is an error says.
fn refusal(answer: &Message) -> Trouble {
    let header = answer.header();
    let name = header.error_name().map_or_else(|| "an error".to_owned(), ToString::to_string);
    if name.ends_with(".IsLocked") {
        return Trouble::Locked;
    }
    let words =
        answer.body().deserialize::<(String,)>().map_or(String::new(), |(words,)| format!(": {words}"));
    Trouble::Said(format!("{name}{words}"))
}
