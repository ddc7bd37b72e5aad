//! Ways to a broken promise that the simulation found, each as a test of its own.

use billing_console::registration::Choice;

use super::{
    invariants::Held,
    model::Rights,
    steps::{AskFate, Effect, Fate, Group, Kind, Node, Person, Step},
    world::{Protocol, World},
};

/// Lets somebody post a card, then the steps happen, then all is drained.
fn after_a_post(steps: &[Step]) -> Held {
    let (person, group) = (Person(0), Group(1));
    let world = World::new(Protocol::Intent);
    world.begin(&Rights::at_first());
    world.step(&Step::Reach(person, group, Choice::AnonymousCorporateCard))?;
    world.step(&Step::Post(Node::A, person, group))?;
    steps.iter().try_for_each(|step| world.step(step))?;
    world.drain()
}

fn work(node: Node) -> Step {
    Step::Work {
        node,
        fate: AskFate::IsAnswered,
        meanwhile: Vec::new(),
    }
}

#[test]
fn i3_a_card_whose_process_slept_past_its_lease_is_not_sent() {
    let held = after_a_post(&[
        Step::Wait(31),
        work(Node::B),
        Step::Wait(660),
        work(Node::B),
        Step::Answer {
            post: 0,
            fate: Fate::Dies(Effect::Now(Kind::Corporate)),
            meanwhile: Vec::new(),
        },
    ]);
    assert!(held.is_ok(), "{held:?}");
}

#[test]
fn a_lost_answer_tells_what_a_worker_settled_meanwhile() {
    let held = after_a_post(&[Step::Answer {
        post: 0,
        fate: Fate::LosesAnswer(Effect::Now(Kind::Corporate)),
        meanwhile: vec![Step::Wait(31), work(Node::B)],
    }]);
    assert!(held.is_ok(), "{held:?}");
}
