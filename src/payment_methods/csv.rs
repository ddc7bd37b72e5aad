//! `GET /billing/payment-methods.csv`: the same table for a spreadsheet.

use actix_web::{HttpResponse, http::header, web};

use super::{pages::Query, row::Row, store};
use crate::{
    clock,
    error::Error,
    groups::Status,
    web::{Texts, Visit},
};

/// `GET /billing/payment-methods.csv`
///
/// # Errors
/// [`Error::SignedOut`], [`Error::RoleNeeded`]
pub async fn export(visit: Visit, query: web::Query<Query>) -> Result<HttpResponse, Error> {
    let filter = query.filter();
    let (viewer, groups) = visit
        .read(move |db, viewer| {
            store::groups_in_order(db, viewer.administrator()?, &filter, 0, i64::MAX)
        })
        .await?;
    let now = visit.services.clock.now();
    let rows: Vec<Row> = groups
        .into_iter()
        .map(|group| Row::new(group, &viewer.id, now))
        .collect();
    let table = write(visit.t, &rows).map_err(|e| Error::Internal(format!("csv: {e}")))?;
    let name = format!("payment-methods-{}.csv", clock::seoul_date(now));
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ))
        .body(table))
}

fn write(t: Texts, rows: &[Row]) -> Result<Vec<u8>, csv::Error> {
    // The byte order mark tells Excel that Korean names are UTF-8.
    let mut table = csv::Writer::from_writer("\u{feff}".as_bytes().to_vec());
    let heads = [
        "col-class",
        "col-name",
        "col-method",
        "col-info",
        "col-modified",
        "col-settings",
    ];
    table.write_record(heads.map(|head| t.text(head)))?;
    for row in rows {
        table.write_record(cells(t, row).map(|cell| defused(&cell)))?;
    }
    table
        .into_inner()
        .map_err(|e| csv::Error::from(e.into_error()))
}

fn cells(t: Texts, row: &Row) -> [String; 6] {
    let method = match row.group.status {
        Status::Required => "tag-required",
        Status::Card => "method-card",
        Status::Account => "method-account",
    };
    let expiry = row
        .registered
        .as_ref()
        .and_then(|registered| registered.card())
        .map(|card| card.expiry.to_string());
    let information = row.information(&t).map(|line| match &expiry {
        Some(date) => format!("{line}, {}", t.fill("card-expires").arg("date", date)),
        None => line,
    });
    let modified = row
        .registered
        .as_ref()
        .map(|registered| t.machine_time(&registered.modified_at));
    let setting = if row.registered.is_some() {
        "btn-change"
    } else {
        "btn-register"
    };
    [
        t.text(row.group.class.key()).to_owned(),
        row.group.name.clone(),
        t.text(method).to_owned(),
        information.unwrap_or_else(|| t.text("none").to_owned()),
        modified.unwrap_or_else(|| t.text("never").to_owned()),
        t.text(setting).to_owned(),
    ]
}

/// A cell that a spreadsheet would run as a formula begins with an apostrophe instead (OWASP, CSV injection).
fn defused(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"] {
            assert!(defused(cell).starts_with('\''), "{cell}");
        }
        assert_eq!(defused("연구소"), "연구소");
    }
}
