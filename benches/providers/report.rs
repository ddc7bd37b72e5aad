//! The table that bin/bench keeps in docs/PERFORMANCE.md.

const HEAD: &str = "| figure | measured | goal | | |\n|---|---|---|---|---|";

pub struct Figure {
    pub name: String,
    pub measured: f64,
    pub at_most: Option<f64>,
    pub note: String,
}

impl Figure {
    fn row(&self) -> String {
        let (goal, verdict) = match self.at_most {
            None => (String::new(), ""),
            Some(most) if self.measured <= most => (format!("at most {most}"), "met"),
            Some(most) => (format!("at most {most}"), "**missed**"),
        };
        let measured = (self.measured * 100.0).round() / 100.0;
        format!(
            "| {} | {measured} | {goal} | {verdict} | {} |",
            self.name, self.note
        )
    }
}

pub fn print(figures: &[Figure]) {
    println!("{HEAD}");
    for figure in figures {
        println!("{}", figure.row());
    }
}
