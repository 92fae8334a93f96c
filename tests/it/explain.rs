//! What a rule means, without a cluster and without a network.

use std::process::Command;

use crate::stage::{Outcome, Stage, built};

async fn explain(stage: &Stage, words: &[&str], lang: &str) -> Outcome {
    let mut command = Command::new(built("kubectl-rrsa"));
    command.arg("explain").args(words).env_clear().env("LANG", lang);
    stage.run(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_and_a_code_are_explained_in_the_readers_language_within_80_columns() {
    let stage = Stage::demo().await;
    for (words, lang, says) in [
        (&["n02"][..], "C", "RRSA-N02: the injection label has another value than on"),
        (&["RRSA-N02"], "zh_CN.UTF-8", "RRSA-N02: 注入标签"),
        (&["Throttling.User"], "C", "Throttling: "),
        (&["n02", "--lang", "en"], "zh_CN.UTF-8", "RRSA-N02: the injection label"),
    ] {
        let shown = explain(&stage, words, lang).await;
        assert_eq!(shown.code, 0, "{shown:?}");
        assert!(shown.stdout.starts_with(says), "{shown:?}");
        assert!(shown.stdout.lines().all(|line| line.chars().count() <= 80), "{shown:?}");
    }
    let unknown = explain(&stage, &["n99"], "C").await;
    assert_eq!(unknown.code, 2, "{unknown:?}");
    let all = explain(&stage, &["-o", "json"], "C").await.json();
    let judged = all["items"].as_array().unwrap().iter().filter(|item| item["judged"] == true).count();
    let ids = explain(&stage, &[], "C").await.stdout;
    assert!(judged > 100 && ids.lines().count() > judged, "{judged}");
}
