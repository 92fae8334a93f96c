//! What follows from what. A cause breaks links further down the chain; what is seen there is its symptom, and one
//! cause makes one finding.

/// A rule, and the rules whose breaking explains that it is broken too.
const SYMPTOMS: &[(&str, &[&str])] = &[
    ("RRSA-N01", &["RRSA-P03"]),
    ("RRSA-W01", &["RRSA-A05"]),
    (
        "RRSA-P01",
        &["RRSA-S02", "RRSA-S03", "RRSA-S04", "RRSA-W01", "RRSA-W02", "RRSA-W03", "RRSA-C01", "RRSA-A05"],
    ),
    ("RRSA-T01", &["RRSA-P12", "RRSA-P15", "RRSA-P16", "RRSA-P19"]),
    ("RRSA-T04", &["RRSA-P17"]),
    ("RRSA-T06", &["RRSA-P13", "RRSA-P15"]),
    ("RRSA-T07", &["RRSA-C01", "RRSA-C02"]),
    ("RRSA-C10", &["RRSA-T07", "RRSA-T03"]),
    ("RRSA-X02", &["RRSA-I01", "RRSA-I02", "RRSA-P11", "RRSA-C13", "RRSA-C01", "RRSA-C02"]),
    ("RRSA-X03", &["RRSA-I02", "RRSA-P09"]),
    ("RRSA-X04", &["RRSA-P13", "RRSA-T06", "RRSA-I04"]),
    ("RRSA-X05", &["RRSA-T04", "RRSA-P17", "RRSA-I07"]),
    ("RRSA-X06", &["RRSA-T02", "RRSA-T03", "RRSA-T05", "RRSA-T11"]),
    ("RRSA-X07", &["RRSA-C10", "RRSA-T10", "RRSA-T03", "RRSA-T07"]),
    ("RRSA-X08", &["RRSA-I03", "RRSA-T07", "RRSA-P11", "RRSA-C01", "RRSA-C02"]),
    ("RRSA-X09", &["RRSA-C07", "RRSA-C08", "RRSA-C09", "RRSA-C01", "RRSA-C02", "RRSA-T07"]),
    ("RRSA-X11", &["RRSA-S05", "RRSA-S06", "RRSA-P07", "RRSA-P09", "RRSA-C13"]),
    ("RRSA-X13", &["RRSA-P09", "RRSA-P10", "RRSA-K09"]),
    ("RRSA-X16", &["RRSA-T05"]),
    ("RRSA-A04", &["RRSA-X16", "RRSA-T05"]),
    ("RRSA-C01", &["RRSA-C05"]),
    ("RRSA-C04", &["RRSA-C05", "RRSA-C07"]),
    ("RRSA-A05", &["RRSA-C07", "RRSA-C01"]),
    (
        "RRSA-X01",
        &["RRSA-R20", "RRSA-T08", "RRSA-T07", "RRSA-T06", "RRSA-P11", "RRSA-S06", "RRSA-P07", "RRSA-C01"],
    ),
    ("RRSA-R01", &["RRSA-P11", "RRSA-I02", "RRSA-C13", "RRSA-I01", "RRSA-P09"]),
    ("RRSA-R02", &["RRSA-P11", "RRSA-I02", "RRSA-C13", "RRSA-I01", "RRSA-P09"]),
    ("RRSA-I07", &["RRSA-T04"]),
    ("RRSA-P07", &["RRSA-W06"]),
    ("RRSA-P11", &["RRSA-C13"]),
    ("RRSA-R03", &["RRSA-T07", "RRSA-C01", "RRSA-C02", "RRSA-P11"]),
    ("RRSA-R04", &["RRSA-T06", "RRSA-P13"]),
    ("RRSA-R05", &["RRSA-T08", "RRSA-P07", "RRSA-S06"]),
    ("RRSA-P12", &["RRSA-S08", "RRSA-P16"]),
    ("RRSA-I01", &["RRSA-P11", "RRSA-C13", "RRSA-C01", "RRSA-C02", "RRSA-I02"]),
    ("RRSA-S05", &["RRSA-S06", "RRSA-P07", "RRSA-P09", "RRSA-P10"]),
    ("RRSA-E03", &["RRSA-E05"]),
    ("RRSA-E04", &["RRSA-K05"]),
    ("RRSA-I03", &["RRSA-P11", "RRSA-T07", "RRSA-C01", "RRSA-C02"]),
    ("RRSA-X12", &["RRSA-R16"]),
    ("RRSA-X10", &["RRSA-I05", "RRSA-I06"]),
    ("RRSA-T10", &["RRSA-T07"]),
    ("RRSA-X18", &["RRSA-S06", "RRSA-P07"]),
];

/// The rule that another identity than RRSA's is in effect.
const STAND_IN: &str = "RRSA-K04";

/// The rule on other pods than the one that is looked at.
const BEHIND: &str = "RRSA-P25";

/// The cause among the `broken` rules, of which `errors` are more than warnings, that explains why `rule` is broken too.
pub(super) fn cause<'a>(rule: &str, broken: &[&'a str], errors: &[&'a str]) -> Option<&'a str> {
    // Whatever keeps RRSA from working lets another identity take its place; advice does not.
    if rule == STAND_IN {
        let other = |id: &&str| ![STAND_IN, BEHIND].contains(id);
        return errors.iter().copied().find(other).or_else(|| broken.iter().copied().find(other));
    }
    let (_, causes) = SYMPTOMS.iter().find(|(symptom, _)| *symptom == rule)?;
    broken.iter().copied().find(|id| causes.contains(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::RULES;

    #[test]
    fn every_rule_named_here_is_one_and_nothing_explains_itself() {
        for (symptom, causes) in SYMPTOMS {
            for id in causes.iter().chain([symptom]) {
                assert!(RULES.iter().any(|rule| rule.id == *id), "{id}");
            }
            assert!(!causes.contains(symptom), "{symptom}");
        }
    }
}
