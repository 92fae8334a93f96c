//! Trust policies of RAM roles: who may assume a role, read and evaluated without asking the cloud.

mod admit;
#[cfg(test)]
mod cases;
mod condition;
mod document;
mod evaluate;
mod nearest;
mod object;
mod reading;
mod strangers;
mod wildcard;
mod writing;

pub use admit::{Candidate, Change};
pub use condition::{ConditionEvaluation, ConditionReason};
pub use document::{
    AUDIENCE, Condition, ConditionValue, Document, Effect, Operator, Principal, Statement, subject,
};
pub use evaluate::{Check, Claims, Evaluation, StatementEvaluation, Verdict, evaluate};
pub use nearest::{edit_distance, nearest, parting};
pub use reading::DocumentError;
pub use strangers::{lets_in, open_to, stranger, stranger_of};
pub use wildcard::fits as fits_pattern;
