//! The objects of the cluster.

use std::collections::BTreeMap;

use serde_json::Value;

use super::object;
use super::resource::Resource;

/// Where an object stands. The order is that of lists: by namespace, then by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    resource: String,
    /// The namespace, empty for what lives in none.
    pub(crate) namespace: String,
    /// The name.
    pub(crate) name: String,
}

impl Key {
    /// The place of the object of `resource` that is called `namespace`/`name`.
    pub(crate) fn new(resource: &Resource, namespace: &str, name: &str) -> Self {
        let namespace = if resource.namespaced { namespace } else { "" };
        Self { resource: resource.qualified(), namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// Objects by place, and the counter that numbers every change.
#[derive(Debug, Default)]
pub(crate) struct Store {
    objects: BTreeMap<Key, Value>,
    version: u64,
}

impl Store {
    /// The object at `key`.
    pub(crate) fn find(&self, key: &Key) -> Option<&Value> {
        self.objects.get(key)
    }

    /// The object of a core resource.
    pub(crate) fn core(&self, plural: &str, namespace: &str, name: &str) -> Option<&Value> {
        self.find(&Key::new(Resource::core(plural), namespace, name))
    }

    /// The objects of `resource`, in one namespace or in all.
    pub(crate) fn list<'a>(
        &'a self,
        resource: &'a Resource,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Key, &'a Value)> {
        let first = Key::new(resource, "", "");
        let kind = resource.qualified();
        self.objects
            .range(first..)
            .take_while(move |(key, _)| key.resource == kind)
            .filter(move |(key, _)| namespace.is_none_or(|namespace| key.namespace == namespace))
    }

    /// Puts `object` at `key` with a new resource version, and returns it as it is kept.
    pub(crate) fn put(&mut self, key: Key, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        self.objects.insert(key, object.clone());
        object
    }

    /// Takes the object at `key` away.
    pub(crate) fn remove(&mut self, key: &Key) -> Option<Value> {
        let removed = self.objects.remove(key)?;
        self.version += 1;
        Some(removed)
    }

    /// Takes away what lives in `namespace`, and returns the uids of what is gone.
    pub(crate) fn empty(&mut self, namespace: &str) -> Vec<String> {
        let doomed: Vec<Key> =
            self.objects.keys().filter(|key| key.namespace == namespace).cloned().collect();
        let gone = doomed.iter().filter_map(|key| self.remove(key));
        gone.map(|object| object::uid(&object).to_owned()).collect()
    }

    /// The number of the last change.
    pub(crate) fn version(&self) -> String {
        self.version.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_list_holds_one_resource_in_order() {
        let mut store = Store::default();
        let (pods, secrets) = (Resource::core("pods"), Resource::core("secrets"));
        for (resource, namespace, name) in
            [(pods, "b", "x"), (pods, "a", "z"), (pods, "a", "y"), (secrets, "a", "s")]
        {
            store.put(Key::new(resource, namespace, name), json!({"metadata": {"name": name}}));
        }
        let names = |namespace| -> Vec<&str> {
            store.list(pods, namespace).map(|(_, object)| object::name(object)).collect()
        };
        assert_eq!(names(None), ["y", "z", "x"]);
        assert_eq!(names(Some("a")), ["y", "z"]);
        assert_eq!(store.version(), "4");
    }
}
