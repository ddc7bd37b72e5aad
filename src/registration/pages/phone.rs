//! Step 2, verification of a personal or named corporate card: the mobile phone and its code (rule 8).

use actix_web::{HttpResponse, web};
use askama::Template;

use super::{
    Head, OpenRun,
    again::{self, Refused},
    open_run, open_run_to_change, path,
};
use crate::{
    access::Viewer,
    app::Services,
    clock,
    error::Error,
    registration::{
        Kept, Run, Step,
        codes::{self, NotNow},
        store,
    },
    verification::{Carrier, HolderIdentity, NotDelivered},
    web::{
        Fields, Message, Posted, Problems, Section, Shell, Texts, Visit, fields::is_control,
        see_other,
    },
};

#[derive(Template)]
#[template(path = "registration/phone.html")]
struct PhonePage {
    t: Texts,
    shell: Shell,
    head: Head,
    problems: Problems,
    /// Everything but the birth digit, which is never filled in again.
    typed: Kept,
}

fn phone_page(
    visit: &Visit,
    viewer: &Viewer,
    (run, group): &OpenRun,
    typed: Kept,
    refused: Option<Refused>,
) -> Result<HttpResponse, Error> {
    again::answer(visit, refused, |problems| PhonePage {
        t: visit.t,
        shell: visit.shell(viewer, Section::None),
        head: Head::new(run, group, 2, Some("payment-method")),
        problems,
        typed,
    })
}

/// `GET …/phone`
pub(super) async fn show(visit: Visit, id: web::Path<String>) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    let (viewer, open) = visit
        .read(move |db, viewer| open_run(db, &services, viewer, &id, Step::Phone))
        .await?;
    let typed = open.0.kept.clone();
    phone_page(&visit, &viewer, &open, typed, None)
}

/// `POST …/phone`: the code is sent after the first transaction, with no connection held.
pub(super) async fn submit(
    visit: Visit,
    id: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    let address = visit.address;
    let (viewer, (open, typed, not_sent)) = visit
        .write_then(
            posted,
            move |db, viewer, fields| {
                let open = open_run_to_change(db, &services, viewer, &id, Step::Phone)?;
                let typed = typed(fields)?;
                let holder = match read_holder(&services, fields)? {
                    Ok(holder) => holder,
                    Err(problems) => {
                        return Ok((open, typed, Err(Refused::unprocessable(problems))));
                    }
                };
                let sent = match codes::take_send(db, &services, &open.0, &holder.phone, true)? {
                    Ok(provider_id) => {
                        let mut kept = open.0.kept.clone();
                        kept.holder_name = holder.name.to_string();
                        kept.birth_date = holder.birth_date.to_string();
                        kept.carrier = holder.carrier.as_str().to_owned();
                        kept.phone = holder.phone.digits().to_owned();
                        store::keep(
                            db,
                            &services.settings.secret_key,
                            &open.0.id,
                            &kept,
                            services.clock.now(),
                        )?;
                        Ok((provider_id, holder))
                    }
                    Err(why) => Err(Refused::too_many("phone_number", why)),
                };
                Ok((open, typed, sent))
            },
            move |services, (open, typed, sent)| {
                let not_sent = match sent {
                    Ok((id, holder)) => {
                        let phone = holder.phone.digits();
                        let sent = services.phone.send(&id, &holder, address);
                        not_delivered(services, &open.0, phone, sent, &OF_FORM)?
                    }
                    Err(why) => Some(why),
                };
                Ok((open, typed, not_sent))
            },
        )
        .await?;
    match not_sent {
        None => Ok(see_other(path(&open.0.id, "phone-code"))),
        refused => phone_page(&visit, &viewer, &open, typed, refused),
    }
}

/// What is shown again after an error, without control characters.
fn typed(fields: &Fields) -> Result<Kept, Error> {
    let clean = |name| -> Result<String, Error> {
        Ok(fields
            .one(name)?
            .chars()
            .filter(|letter| !is_control(*letter))
            .take(100)
            .collect())
    };
    let mut typed = Kept::default();
    typed.holder_name = clean("holder_name")?;
    typed.birth_date = clean("birth_date")?;
    typed.carrier = clean("carrier")?;
    typed.phone = clean("phone_number")?;
    Ok(typed)
}

fn read_holder(
    services: &Services,
    fields: &Fields,
) -> Result<Result<HolderIdentity, Problems>, Error> {
    let holder = HolderIdentity::parse(
        fields.one("holder_name")?,
        fields.one("birth_date")?,
        fields.one("birth_digit")?,
        fields.one("carrier")?,
        fields.one("phone_number")?,
        clock::seoul_date(services.clock.now()),
    );
    Ok(holder.map_err(|found| {
        let mut problems = Problems::default();
        for (field, key) in found {
            problems.add(field, Message::new(key));
        }
        problems
    }))
}

/// Where a page says that no code is on its way, and its words for a refusal.
pub(super) struct Places {
    field: &'static str,
    refused_field: &'static str,
    refused_words: &'static str,
}

/// Of the form: which of the answers is wrong is not told.
const OF_FORM: Places = Places {
    field: "phone_number",
    refused_field: "holder",
    refused_words: "err-holder",
};

/// Of the code's page.
pub(super) const OF_CODE: Places = Places {
    field: "code",
    refused_field: "code",
    refused_words: "err-code-gone",
};

/// What follows a code that may not be on its way: what the limits keep, and what is said.
pub(super) fn not_delivered(
    services: &Services,
    run: &Run,
    phone: &str,
    sent: Result<(), NotDelivered>,
    places: &Places,
) -> Result<Option<Refused>, Error> {
    let Err(why) = sent else {
        return Ok(None);
    };
    services
        .db
        .write(|db| codes::undo_send(db, services, run, phone, why))?;
    Ok(Some(match why {
        NotDelivered::NotSent | NotDelivered::Unknown => {
            Refused::unreachable(places.field, "phone-unreachable")
        }
        NotDelivered::Refused => {
            Refused::wrong(places.refused_field, Message::new(places.refused_words))
        }
        NotDelivered::TooMany => Refused::too_many(
            places.field,
            NotNow {
                words: Message::new("err-phone-tries"),
                until: None,
            },
        ),
    }))
}

impl PhonePage {
    fn carriers(&self) -> [Carrier; 6] {
        Carrier::ALL
    }
}
