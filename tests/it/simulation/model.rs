//! The reference model: who may change which group, and which steps are worth taking next.

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

use super::steps::{self, Change, Fate, GROUPS, Group, PEOPLE, Person, Step};

/// The organization of each group at first, and of each person for good.
pub const ORGANIZATION_OF_GROUP: [usize; GROUPS] = [0, 0, 0, 1];
pub const ORGANIZATION_OF_PERSON: [usize; PEOPLE] = [0, 0, 0, 1];
/// The main group of each organization.
pub const MAIN_GROUPS: [usize; 2] = [0, 3];

/// What a person may do at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Holder {
    is_administrator: bool,
    is_disabled: bool,
    is_member: [bool; GROUPS],
}

/// Rules 1 to 4, once more and by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    people: [Holder; PEOPLE],
    organization_of_group: [usize; GROUPS],
}

impl Rights {
    /// The main group's administrator, two of sub-groups, and one of another organization.
    pub fn at_first() -> Self {
        let member = |groups: &[usize]| Holder {
            is_administrator: true,
            is_disabled: false,
            is_member: std::array::from_fn(|group| groups.contains(&group)),
        };
        Self {
            people: [member(&[0]), member(&[1]), member(&[1, 2]), member(&[3])],
            organization_of_group: ORGANIZATION_OF_GROUP,
        }
    }

    pub fn is_member(&self, person: Person, group: Group) -> bool {
        self.people[person.0].is_member[group.0]
    }

    pub fn organization_of(&self, group: Group) -> usize {
        self.organization_of_group[group.0]
    }

    pub fn apply(&mut self, change: Change) {
        match change {
            Change::TakeRole(person) => self.people[person.0].is_administrator = false,
            Change::GiveRole(person) => self.people[person.0].is_administrator = true,
            Change::Disable(person) => self.people[person.0].is_disabled = true,
            Change::Enable(person) => self.people[person.0].is_disabled = false,
            Change::Leave(person, group) => self.people[person.0].is_member[group.0] = false,
            Change::Join(person, group) => self.people[person.0].is_member[group.0] = true,
            Change::Move(group, organization) => {
                self.organization_of_group[group.0] = organization;
            }
        }
    }

    pub fn may_change(&self, person: Person, group: Group) -> bool {
        let holder = &self.people[person.0];
        let own = ORGANIZATION_OF_PERSON[person.0];
        let is_member_through =
            |of: usize| holder.is_member[of] && self.organization_of_group[of] == own;
        holder.is_administrator
            && !holder.is_disabled
            && self.organization_of_group[group.0] == own
            && (is_member_through(MAIN_GROUPS[own]) || is_member_through(group.0))
    }

    /// What an operator may do to it: what is taken comes back more often than it goes, and goes most often from
    /// those whose card is under way.
    fn changes(&self, posted: &[(Person, Group)]) -> BoxedStrategy<Change> {
        let mut changes = Vec::new();
        for person in (0..PEOPLE).map(Person) {
            let holder = &self.people[person.0];
            let is_waiting = posted.iter().any(|(who, _)| *who == person);
            changes.push(if holder.is_administrator {
                (if is_waiting { 4 } else { 1 }, Change::TakeRole(person))
            } else {
                (8, Change::GiveRole(person))
            });
            changes.push(if holder.is_disabled {
                (8, Change::Enable(person))
            } else {
                (1, Change::Disable(person))
            });
            for (_, group) in steps::USUAL.into_iter().filter(|(who, _)| *who == person) {
                changes.push(if holder.is_member[group.0] {
                    (1, Change::Leave(person, group))
                } else {
                    (2, Change::Join(person, group))
                });
            }
        }
        let moved = Group(2);
        let organization = self.organization_of_group[moved.0];
        changes.push((
            1 + 4 * organization as u32,
            Change::Move(moved, 1 - organization),
        ));
        let weighted = changes
            .into_iter()
            .map(|(weight, change)| (weight, Just(change).boxed()));
        proptest::strategy::Union::new_weighted(weighted.collect()).boxed()
    }
}

/// The rights, and what a step can go on from.
#[derive(Debug, Clone)]
pub struct Model {
    pub rights: Rights,
    /// Who has come as far as a card page, as far as the model knows.
    ready: Vec<(Person, Group)>,
    /// Posts without an answer, at most.
    posted: Vec<(Person, Group)>,
    /// Attempts that a worker has to look up, at most.
    open: usize,
}

/// One of these, if there are any, and now and then anybody.
fn mostly_of(known: &[(Person, Group)]) -> BoxedStrategy<(Person, Group)> {
    if known.is_empty() {
        return steps::pair().boxed();
    }
    prop_oneof![
        9 => proptest::sample::select(known.to_vec()),
        1 => steps::pair(),
    ]
    .boxed()
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self {
            rights: Rights::at_first(),
            ready: Vec::new(),
            posted: Vec::new(),
            open: 0,
        })
        .boxed()
    }

    fn transitions(state: &Self) -> BoxedStrategy<Step> {
        let changes = state.rights.changes(&state.posted);
        let beside = steps::happening(changes, mostly_of(&state.posted)).boxed();
        let is_waited = !state.posted.is_empty();
        let answers = if is_waited { 30 } else { 1 };
        // A post that waits past its lease is not sent any more.
        let waits = if is_waited { 3 } else { 8 };
        let looks = if state.open > 0 { 40 } else { 15 };
        prop_oneof![
            30 => steps::wizard(),
            20 => steps::post(mostly_of(&state.ready)),
            answers => steps::answer(beside.clone()),
            looks => steps::work(beside.clone()),
            waits => steps::waits().prop_map(Step::Wait),
            14 => beside,
        ]
        .boxed()
    }

    fn apply(mut state: Self, step: &Step) -> Self {
        match step {
            Step::Reach(person, group, _) => state.ready.push((*person, *group)),
            Step::Post(_, person, group) => {
                state.ready.retain(|ready| *ready != (*person, *group));
                state.posted.push((*person, *group));
            }
            Step::Answer { post, fate, .. } => {
                if let Some(place) = post.checked_rem(state.posted.len()) {
                    state.posted.remove(place);
                }
                let is_lost = matches!(fate, Fate::LosesAnswer(_) | Fate::Dies(_));
                state.open += usize::from(is_lost);
            }
            Step::Work { .. } => state.open = state.open.saturating_sub(1),
            Step::Change(change) => state.rights.apply(*change),
            _ => {}
        }
        for step in step.meanwhile() {
            state = Self::apply(state, step);
        }
        state
    }
}
