//! A tool that asks its user, written once for every revision and every carrier.

use mcp_server_tiny::types::{
    ElicitAction, ElicitParams, JsonObject, NumberSchema, RequestedSchema, SingleSelectSchema,
};
use mcp_server_tiny::{Call, Server, Tool, ToolError};

pub(crate) fn server() -> Server {
    let book = Tool::new("book_table")
        .description("Books a table in a restaurant, and asks for how many")
        .param::<String>("day", "for which day, such as Monday");
    Server::new("restaurant", env!("CARGO_PKG_VERSION")).tool(book, book_table)
}

/// Runs twice: up to the `?` of the question, and with its answer from the start. It waits on no thread in between.
fn book_table(call: &mut Call<'_>) -> Result<String, ToolError> {
    let day = call.arg::<&str>("day")?;
    let form = RequestedSchema::new()
        .required("guests", NumberSchema::integer().title("Guests").minimum(1).maximum(8))
        .optional("seats", SingleSelectSchema::new(["inside", "garden"]).default_option("inside"));
    let answer = call.elicit("table", ElicitParams::form(format!("A table for {day}: for how many?"), form))?;
    Ok(match (answer.action, answer.content) {
        (ElicitAction::Accept, Some(wish)) => booked(day, &wish),
        (ElicitAction::Decline, _) => "nothing is booked: you said no".to_owned(),
        _ => "nothing is booked: you did not say".to_owned(),
    })
}

/// What was accepted fits the form: it has been checked. A restaurant would be called here.
fn booked(day: &str, wish: &JsonObject) -> String {
    let seats = wish.get("seats").and_then(|seats| seats.as_str()).unwrap_or("inside");
    format!("a table for {} on {day}, {seats}", wish["guests"])
}
