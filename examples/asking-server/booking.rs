//! A tool that asks its user, written once for every revision and every carrier.

use mcp_server_tiny::types::{ElicitAction, ElicitParams, NumberSchema, RequestedSchema, SingleSelectSchema};
use mcp_server_tiny::{Call, Server, Tool, ToolError};
use serde::Deserialize;

/// What is filled in.
#[derive(Deserialize)]
struct Wish<'a> {
    guests: u8,
    seats: Option<&'a str>,
}

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
    // Here a restaurant would be called.
    Ok(match answer.accepted::<Wish<'_>>()? {
        Some(Wish { guests, seats }) => format!("a table for {guests} on {day}, {}", seats.unwrap_or("inside")),
        None if answer.action == ElicitAction::Decline => "nothing is booked: you said no".to_owned(),
        None => "nothing is booked: you did not say".to_owned(),
    })
}
