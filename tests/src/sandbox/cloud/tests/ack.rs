//! ACK.

use super::signer::Key;
use super::sky::{Answer, Sky};

const API: (&str, &str) = ("DescribeClusterDetail", "2015-12-15");

async fn get(sky: &Sky, path: &str, nonce: &str) -> Answer {
    sky.call_v3_at(("GET", path), &Key::long_term("testid", "testsecret"), API, &[], nonce).await
}

#[tokio::test]
async fn the_cluster_tells_whether_rrsa_is_on() {
    for (world, enabled, issuers) in [("", true, 2), ("rrsa_enabled: false", false, 1)] {
        let sky = Sky::over(world);
        let answer = get(&sky, &format!("/clusters/{}", sky.world.cluster_id), "n").await.json();
        let rrsa = &answer["rrsa_config"];
        assert_eq!(rrsa["enabled"], enabled);
        assert_eq!(rrsa["issuer"].as_str().unwrap().split(',').count(), issuers);
        assert_eq!(answer["region_id"], "cn-hangzhou");
    }
}

#[tokio::test]
async fn another_cluster_and_another_path_are_refused() {
    let sky = Sky::over("");
    for (path, status, code) in [
        ("/clusters/c0", 404, "ErrorClusterNotFound"),
        ("/clusters/", 400, "InvalidParameter"),
        ("/clusters/a/b", 400, "InvalidParameter"),
        ("/", 400, "InvalidParameter"),
    ] {
        assert_eq!(get(&sky, path, path).await.refusal(), (status, code.to_owned()), "{path}");
    }
}
