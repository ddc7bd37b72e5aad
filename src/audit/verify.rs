//! `audit verify`: walks every chain and tells the first fault of each.

use diesel::prelude::*;

use super::Row;
use crate::{
    db::{
        AnyConnection,
        schema::{audit_heads, audit_rows},
    },
    error::Error,
};

/// How many rows are read at a time.
const BATCH: i64 = 1000;

/// What the walk of one chain gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The organization; empty for the console's own chain.
    pub organization_id: String,
    /// How many rows were in order.
    pub rows: i64,
    /// The hash of the last one in order: compare it with one that was printed earlier.
    pub head: String,
    /// What is wrong with the next, if anything.
    pub fault: Option<String>,
}

/// Walks all chains.
///
/// # Errors
/// What the database says.
pub fn verify(db: &mut AnyConnection) -> Result<Vec<Finding>, Error> {
    let mut chains: Vec<String> = audit_rows::table
        .select(audit_rows::organization_id)
        .distinct()
        .load(db)?;
    let heads: Vec<(String, i64, String)> = audit_heads::table
        .order(audit_heads::organization_id)
        .load(db)?;
    chains.extend(
        heads
            .iter()
            .map(|(organization_id, _, _)| organization_id.clone()),
    );
    chains.sort();
    chains.dedup();
    chains
        .into_iter()
        .map(|chain| {
            let head = heads
                .iter()
                .find(|(organization_id, _, _)| *organization_id == chain);
            walk(
                db,
                chain.clone(),
                head.map(|(_, seq, hash)| (*seq, hash.as_str())),
            )
        })
        .collect()
}

fn walk(
    db: &mut AnyConnection,
    organization_id: String,
    head: Option<(i64, &str)>,
) -> Result<Finding, Error> {
    let mut finding = Finding {
        organization_id,
        rows: 0,
        head: String::new(),
        fault: None,
    };
    loop {
        let rows: Vec<Row> = audit_rows::table
            .filter(audit_rows::organization_id.eq(&finding.organization_id))
            .filter(audit_rows::seq.gt(finding.rows))
            .order(audit_rows::seq)
            .limit(BATCH)
            .select(Row::as_select())
            .load(db)?;
        for row in &rows {
            if let Some(fault) = fault_of(row, &finding) {
                finding.fault = Some(fault);
                return Ok(finding);
            }
            finding.rows = row.seq;
            finding.head.clone_from(&row.hash);
        }
        if rows.is_empty() {
            break;
        }
    }
    if head != Some((finding.rows, finding.head.as_str())) {
        finding.fault = Some(format!(
            "the chain ends at row {} but its head names row {}: rows at the end were removed or added by hand",
            finding.rows,
            head.map_or(0, |(seq, _)| seq),
        ));
    }
    Ok(finding)
}

fn fault_of(row: &Row, before: &Finding) -> Option<String> {
    if row.seq != before.rows + 1 {
        return Some(format!("row {} is missing", before.rows + 1));
    }
    if row.previous_hash != before.head {
        return Some(format!(
            "row {} does not follow row {}: rows were changed or reordered",
            row.seq, before.rows
        ));
    }
    (row.hash != row.expected_hash()).then(|| format!("row {} was changed", row.seq))
}
