//! What can happen, and how likely it is.

use billing_console::registration::Choice;
use proptest::{collection::vec, prelude::*, sample::select};

pub const PEOPLE: usize = 4;
pub const GROUPS: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Person(pub usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Group(pub usize);

/// Who works at which group as long as nobody takes a right away.
pub const USUAL: [(Person, Group); 7] = [
    (Person(0), Group(1)),
    (Person(1), Group(1)),
    (Person(2), Group(1)),
    (Person(2), Group(2)),
    (Person(0), Group(2)),
    (Person(0), Group(0)),
    (Person(3), Group(3)),
];

/// One of two processes on one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Node {
    A,
    B,
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub enum Step {
    Start(Person, Group),
    Choose(Person, Group, Choice),
    AskForCode(Person, Group),
    EnterCode(Person, Group),
    EnterBusinessNumber(Person, Group),
    /// All of the above, as far as the console lets them.
    Reach(Person, Group, Choice),
    Cancel(Person, Group),
    /// Posts the card: the intent is committed, the call not yet made.
    Post(Node, Person, Group),
    /// Posts a page again whose card was posted before.
    PostAgain(usize),
    /// One of the posts calls the gateway; before its answer comes, other things happen.
    Answer {
        post: usize,
        fate: Fate,
        meanwhile: Vec<Step>,
    },
    /// The process dies; its posts never reach the gateway.
    Die(Node),
    /// A worker's turn; before the gateway answers it, other things happen.
    Work {
        node: Node,
        fate: AskFate,
        meanwhile: Vec<Step>,
    },
    /// A worker whose lease is long over goes on with an attempt.
    WorkLate(Node, usize),
    KeepHouse(Node),
    /// Seconds.
    Wait(i64),
    Change(Change),
    /// The operator sets another method: a card with a key of its own, or an account.
    OperatorSets(Group, Set),
    /// Removes the verifications of somebody's run, or marks them used.
    SpoilVerification(Person, Group, Spoil),
}

impl Step {
    /// What happens inside it.
    pub fn meanwhile(&self) -> &[Step] {
        match self {
            Self::Answer { meanwhile, .. } | Self::Work { meanwhile, .. } => meanwhile,
            _ => &[],
        }
    }
}

/// What becomes of a request for a key.
#[derive(Debug, Clone, Copy)]
pub enum Fate {
    Issues(Kind),
    /// The request lies on its way while other things happen.
    IssuesAtLast(Kind),
    Refuses,
    RefusesTheConsole,
    IsNotSent,
    /// The console hears nothing.
    LosesAnswer(Effect),
    /// The process dies before it hears.
    Dies(Effect),
}

/// Whether and when a request whose answer nobody hears makes a key.
#[derive(Debug, Clone, Copy)]
pub enum Effect {
    Never,
    Now(Kind),
    /// So many seconds after the request.
    Late(Kind, i64),
}

/// The longest that a request may lie before it takes effect, in seconds: what the last look relies on.
const LATEST_EFFECT: i64 = 600;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Corporate,
    Personal,
    Debit,
}

impl Kind {
    /// Rule 9, once more and by itself.
    pub fn is_taken_as(self, choice: Choice) -> bool {
        match choice {
            Choice::NamedCard => self != Self::Debit,
            Choice::AnonymousCorporateCard => self == Self::Corporate,
            Choice::DedicatedAccount => false,
        }
    }
}

/// What becomes of a worker's question.
#[derive(Debug, Clone, Copy)]
pub enum AskFate {
    IsAnswered,
    IsNotHeard,
    /// A revocation that is done, with an answer that is lost.
    LosesAnswer,
    DiesBefore,
    DiesAfter,
}

#[derive(Debug, Clone, Copy)]
pub enum Change {
    TakeRole(Person),
    GiveRole(Person),
    Disable(Person),
    Enable(Person),
    Leave(Person, Group),
    Join(Person, Group),
    Move(Group, usize),
}

#[derive(Debug, Clone, Copy)]
pub enum Set {
    Card,
    Account,
}

#[derive(Debug, Clone, Copy)]
pub enum Spoil {
    Remove,
    UseUp,
}

pub fn pair() -> impl Strategy<Value = (Person, Group)> {
    prop_oneof![
        9 => select(&USUAL[..]),
        1 => ((0..PEOPLE).prop_map(Person), (0..GROUPS).prop_map(Group)),
    ]
}

fn node() -> impl Strategy<Value = Node> {
    select(&[Node::A, Node::B][..])
}

fn card_choice() -> impl Strategy<Value = Choice> {
    select(&[Choice::AnonymousCorporateCard, Choice::NamedCard][..])
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![6 => Just(Kind::Corporate), 2 => Just(Kind::Personal), 1 => Just(Kind::Debit)]
}

fn effect() -> impl Strategy<Value = Effect> {
    prop_oneof![
        1 => Just(Effect::Never),
        2 => kind().prop_map(Effect::Now),
        2 => (kind(), 1..=LATEST_EFFECT).prop_map(|(kind, after)| Effect::Late(kind, after)),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        8 => kind().prop_map(Fate::Issues),
        3 => kind().prop_map(Fate::IssuesAtLast),
        1 => Just(Fate::Refuses),
        1 => Just(Fate::RefusesTheConsole),
        1 => Just(Fate::IsNotSent),
        5 => effect().prop_map(Fate::LosesAnswer),
        4 => effect().prop_map(Fate::Dies),
    ]
}

fn ask_fate() -> impl Strategy<Value = AskFate> {
    prop_oneof![
        10 => Just(AskFate::IsAnswered),
        3 => Just(AskFate::IsNotHeard),
        1 => Just(AskFate::LosesAnswer),
        1 => Just(AskFate::DiesBefore),
        1 => Just(AskFate::DiesAfter),
    ]
}

/// Within and past a try's wait, a lease, a code, a sweep and a run.
pub fn waits() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => 1_i64..=4,
        4 => Just(16_i64),
        3 => Just(31_i64),
        2 => Just(61_i64),
        2 => Just(200_i64),
        2 => Just(660_i64),
        1 => Just(3_700_i64),
    ]
}

pub fn wizard() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (pair(), card_choice()).prop_map(|((person, group), choice)| Step::Reach(person, group, choice)),
        2 => pair().prop_map(|(person, group)| Step::Start(person, group)),
        2 => (pair(), select(&Choice::ALL[..])).prop_map(|((person, group), choice)| Step::Choose(person, group, choice)),
        2 => pair().prop_map(|(person, group)| Step::AskForCode(person, group)),
        2 => pair().prop_map(|(person, group)| Step::EnterCode(person, group)),
        2 => pair().prop_map(|(person, group)| Step::EnterBusinessNumber(person, group)),
        1 => pair().prop_map(|(person, group)| Step::Cancel(person, group)),
    ]
}

pub fn post(by: BoxedStrategy<(Person, Group)>) -> impl Strategy<Value = Step> {
    (node(), by).prop_map(|(node, (person, group))| Step::Post(node, person, group))
}

pub fn answer(beside: BoxedStrategy<Step>) -> impl Strategy<Value = Step> {
    (0..3_usize, fate(), meanwhile(beside)).prop_map(|(post, fate, meanwhile)| Step::Answer {
        post,
        fate,
        meanwhile,
    })
}

pub fn work(beside: BoxedStrategy<Step>) -> impl Strategy<Value = Step> {
    (node(), ask_fate(), meanwhile(beside)).prop_map(|(node, fate, meanwhile)| Step::Work {
        node,
        fate,
        meanwhile,
    })
}

/// What happens while somebody waits for the gateway.
fn meanwhile(beside: BoxedStrategy<Step>) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => waits().prop_map(Step::Wait),
        3 => (node(), ask_fate()).prop_map(|(node, fate)| Step::Work { node, fate, meanwhile: Vec::new() }),
        2 => (0..3_usize, fate()).prop_map(|(post, fate)| Step::Answer { post, fate, meanwhile: Vec::new() }),
        3 => beside,
    ];
    // The race that a lease is for: it ends, and a worker looks.
    let lease_ends = node().prop_map(|node| {
        let fate = AskFate::IsAnswered;
        let meanwhile = Vec::new();
        vec![
            Step::Wait(31),
            Step::Work {
                node,
                fate,
                meanwhile,
            },
        ]
    });
    prop_oneof![
        1 => lease_ends,
        4 => Just(Vec::new()),
        2 => vec(step, 1..=3),
    ]
}

/// What happens beside the wizard, the gateway and the workers; those whose card is under way are
/// its `aims`.
pub fn happening(
    changes: BoxedStrategy<Change>,
    aims: BoxedStrategy<(Person, Group)>,
) -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => changes.prop_map(Step::Change),
        4 => (aims.clone(), select(&[Set::Card, Set::Account][..]))
            .prop_map(|((_, group), set)| Step::OperatorSets(group, set)),
        4 => (aims, select(&[Spoil::Remove, Spoil::UseUp][..]))
            .prop_map(|((person, group), spoil)| Step::SpoilVerification(person, group, spoil)),
        2 => (0..8_usize).prop_map(Step::PostAgain),
        2 => (node(), 0..8_usize).prop_map(|(node, attempt)| Step::WorkLate(node, attempt)),
        1 => node().prop_map(Step::KeepHouse),
        1 => node().prop_map(Step::Die),
    ]
}
