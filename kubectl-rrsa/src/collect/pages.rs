//! Lists in pages, as raw as they are wanted.

use kube::Client;
use rrsa_shared::sign::percent;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Objects asked for at a time.
const PAGE: usize = 500;

/// One page of a list.
#[derive(Deserialize)]
struct Page<T> {
    #[serde(default)]
    metadata: PageMetadata,
    items: Vec<T>,
}

#[derive(Default, Deserialize)]
struct PageMetadata {
    #[serde(default, rename = "continue")]
    next: String,
}

/// Which objects are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope<'a> {
    /// One namespace; all of them without it.
    pub namespace: Option<&'a str>,
    /// A label selector.
    pub labels: Option<&'a str>,
    /// A field selector.
    pub fields: Option<&'a str>,
}

/// A list that is read page by page.
pub struct Pages {
    path: String,
    query: String,
    /// `None` after the last page.
    next: Option<String>,
}

impl Pages {
    /// Nothing is asked yet.
    pub fn of(plural: &str, scope: Scope<'_>) -> Self {
        Self::at("/api/v1", plural, scope)
    }

    /// The same of another group of the API.
    pub fn at(group: &str, plural: &str, scope: Scope<'_>) -> Self {
        let place = scope.namespace.map(|name| format!("/namespaces/{}", percent::encode(name)));
        let mut query = format!("limit={PAGE}");
        for (name, text) in [("labelSelector", scope.labels), ("fieldSelector", scope.fields)] {
            if let Some(text) = text {
                query.push_str(&format!("&{name}={}", percent::encode(text)));
            }
        }
        Self {
            path: format!("{group}{}/{plural}", place.unwrap_or_default()),
            query,
            next: Some(String::new()),
        }
    }

    /// The items of the next page; `None` after the last.
    ///
    /// # Errors
    /// As the API server gives them.
    pub async fn next<T: DeserializeOwned>(
        &mut self,
        client: &Client,
    ) -> Result<Option<Vec<T>>, kube::Error> {
        let Some(token) = self.next.take() else { return Ok(None) };
        let page = match self.page(client, &token).await {
            // A first page asks for no list in particular, so that a newer one will do.
            Err(kube::Error::Api(status)) if status.code == 410 && token.is_empty() => {
                self.page(client, &token).await?
            }
            // The list grew too old between two pages. The API server names where to go on in a newer one.
            Err(kube::Error::Api(mut status)) if status.code == 410 && !token.is_empty() => {
                let newer = status.metadata.as_ref().and_then(|list| list.continue_.clone());
                match newer.filter(|newer| !newer.is_empty()) {
                    Some(newer) => self.page(client, &newer).await?,
                    None => {
                        status.message = format!(
                            "the list of {} grew too old between two pages, and no newer one is offered: run it again ({})",
                            self.path.rsplit('/').next().unwrap_or_default(),
                            status.message
                        );
                        return Err(kube::Error::Api(status));
                    }
                }
            }
            page => page?,
        };
        self.next = Some(page.metadata.next).filter(|next| !next.is_empty());
        Ok(Some(page.items))
    }

    async fn page<T: DeserializeOwned>(&self, client: &Client, token: &str) -> Result<Page<T>, kube::Error> {
        let from = match token {
            "" => String::new(),
            token => format!("&continue={}", percent::encode(token)),
        };
        get(client, &format!("{}?{}{from}", self.path, self.query)).await
    }
}

/// One object.
///
/// # Errors
/// As the API server gives them.
pub(super) async fn get<T: DeserializeOwned>(client: &Client, path: &str) -> Result<T, kube::Error> {
    let request = http::Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError)?;
    client.request(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client whose API server gives these answers, one after the other, and what it was asked.
    fn server(answers: Vec<serde_json::Value>) -> (Client, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
        let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let (seen, answers) = (asked.clone(), std::sync::Mutex::new(answers.into_iter()));
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            seen.lock().unwrap().push(request.uri().to_string());
            let answer = answers.lock().unwrap().next().unwrap();
            let status = answer["code"].as_u64().map_or(200, |code| u16::try_from(code).unwrap());
            let body = kube::client::Body::from(answer.to_string().into_bytes());
            let response = http::Response::builder().status(status).body(body).unwrap();
            std::future::ready(Ok::<_, std::convert::Infallible>(response))
        });
        (Client::new(service, "default"), asked)
    }

    async fn names(client: &Client) -> Result<Vec<String>, kube::Error> {
        let (mut pages, mut names) = (Pages::of("namespaces", Scope::default()), Vec::new());
        while let Some(items) = pages.next::<serde_json::Value>(client).await? {
            names.extend(items.iter().map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()));
        }
        Ok(names)
    }

    #[tokio::test]
    async fn a_list_that_grew_too_old_goes_on_where_the_api_server_says() {
        let (client, asked) = server(vec![
            serde_json::json!({"metadata": {"continue": "a/b"}, "items": [{"metadata": {"name": "one"}}]}),
            serde_json::json!({"kind": "Status", "code": 410, "reason": "Expired", "status": "Failure",
                "metadata": {"continue": "newer"}}),
            serde_json::json!({"metadata": {}, "items": [{"metadata": {"name": "two"}}]}),
        ]);
        assert_eq!(names(&client).await.unwrap(), ["one", "two"]);
        let asked = asked.lock().unwrap();
        let paths: Vec<_> = asked.iter().map(|uri| uri.rsplit('?').next().unwrap()).collect();
        assert_eq!(paths, ["limit=500", "limit=500&continue=a%2Fb", "limit=500&continue=newer"]);
    }

    #[tokio::test]
    async fn a_list_that_grew_too_old_without_a_way_on_is_no_whole_list() {
        let gone =
            serde_json::json!({"kind": "Status", "code": 410, "reason": "Expired", "status": "Failure"});
        let first = serde_json::json!({"metadata": {"continue": "x"}, "items": []});
        let (client, _) = server(vec![first, gone]);
        let error = names(&client).await.unwrap_err();
        assert!(matches!(error, kube::Error::Api(status) if status.code == 410));
    }
}
