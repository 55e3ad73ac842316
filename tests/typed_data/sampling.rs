//! Sampling: one block or several, the rules of tools, and which model a server would like.

use mcp_core::types::{
    ContentBlock, CreateMessageParams, CreateMessageResult, JsonObject, ModelPreferences, SamplingBlock, SamplingFault,
    SamplingMessage, ToolChoice,
};
use serde_json::{Value, json};

use super::{read, round_trip};

/// R-FC-16
#[test]
fn content_is_one_block_or_several_and_one_is_written_alone() {
    let block = json!({"type": "text", "text": "a"});
    let read_content = |content: &Value| read::<SamplingMessage>(json!({"role": "user", "content": content}));
    for (content, count) in [(block.clone(), 1), (json!([block]), 1), (json!([block, block]), 2), (json!([]), 0)] {
        let message = read_content(&content);
        assert_eq!(message.content.len(), count, "{content}");
        let again = serde_json::to_value(&message).unwrap()["content"].take();
        assert_eq!(again, if count == 1 { block.clone() } else { content });
    }
    assert_eq!(read_content(&json!([block, block])).content.all_text(), "a\na");
}

/// R-FS-6
#[test]
fn every_kind_of_block_survives_and_an_unknown_one_is_kept_as_it_came() {
    let content = json!([
        {"type": "text", "text": "a", "annotations": {"priority": 0.5}, "_meta": {"a": 1}},
        {"type": "image", "data": "AA==", "mimeType": "image/png"},
        {"type": "audio", "data": "AA==", "mimeType": "audio/wav"},
        {"type": "tool_use", "id": "1", "name": "n", "input": {"z": 1, "a": null}, "_meta": {}},
        {"type": "tool_result", "toolUseId": "1", "content": [{"type": "text", "text": "b"}], "structuredContent": null, "isError": true},
        {"type": "tool_result", "toolUseId": "2", "content": []},
        {"type": "hologram", "layers": 2},
        {"type": "tool_use", "id": "no name"},
    ]);
    let result: CreateMessageResult =
        round_trip(json!({"role": "assistant", "model": "m", "stopReason": "toolUse", "content": content}));
    assert_eq!(result.content.iter().filter(|block| matches!(block, SamplingBlock::Unknown(_))).count(), 2);
}

/// R-FC-11, R-FC-12
#[test]
fn uses_and_results_of_tools_have_to_match() {
    let ask = |ids: &[&str]| {
        let uses: Vec<_> = ids.iter().map(|id| SamplingBlock::tool_use(*id, "n", JsonObject::new())).collect();
        SamplingMessage::assistant(uses)
    };
    let answer = |ids: &[&str]| {
        let results: Vec<_> =
            ids.iter().map(|id| SamplingBlock::tool_result(*id, vec![ContentBlock::text("r")])).collect();
        SamplingMessage::user(results)
    };
    let text = || SamplingMessage::user(SamplingBlock::text("t"));
    let check = |messages: Vec<SamplingMessage>| CreateMessageParams::new(messages, 1).check();

    assert_eq!(check(vec![text(), ask(&["a", "b"]), answer(&["b", "a"]), text()]), Ok(()));
    assert_eq!(check(vec![]), Ok(()));
    let unmatched = Err(SamplingFault::UnmatchedResults);
    for messages in [
        vec![ask(&["a"])],
        vec![ask(&["a"]), text()],
        vec![ask(&["a", "b"]), answer(&["a"])],
        vec![ask(&["a"]), answer(&["a", "a"])],
        vec![ask(&["a"]), answer(&["a", "b"])],
        vec![answer(&["a"])],
        vec![ask(&["a"]), ask(&["b"]), answer(&["b"])],
        vec![ask(&["a"]), text(), answer(&["a"])],
    ] {
        assert_eq!(check(messages.clone()), unmatched, "{messages:?}");
    }
    let mut mixed = answer(&["a"]);
    mixed.content.0.push(SamplingBlock::text("t"));
    assert_eq!(check(vec![ask(&["a"]), mixed]), Err(SamplingFault::MixedResults));
}

/// R-FC-9
#[test]
fn a_question_that_names_tools_needs_a_client_that_has_them() {
    let mut question = CreateMessageParams::text("two and two?", 10);
    assert!(!question.uses_tools());
    question.tool_choice = Some(ToolChoice::default());
    assert!(question.uses_tools());
    let empty: CreateMessageParams = read(json!({"messages": [], "maxTokens": 1, "tools": []}));
    assert!(empty.uses_tools());
}

/// R-FC-7: what a client may ignore cannot make a question unreadable.
#[test]
fn preferences_that_cannot_be_read_are_left_out() {
    let question: CreateMessageParams =
        read(json!({"messages": [], "maxTokens": 1, "modelPreferences": 7, "includeContext": "everything"}));
    assert!(question.model_preferences.is_none() && question.include_context.is_none());
}

/// R-FC-8
#[test]
fn the_first_hint_that_is_part_of_a_name_decides() {
    let prefer = |hints: Value| read::<ModelPreferences>(json!({"hints": hints}));
    let models = ["large-2", "small-1", "small-2"];
    assert_eq!(
        prefer(json!([{"name": "tiny"}, {"name": "small"}, {"name": "large"}])).choose(&models),
        Some("small-1")
    );
    assert_eq!(prefer(json!([{}, {"name": ""}, {"name": "2"}])).choose(&models), Some("large-2"));
    assert_eq!(prefer(json!([{"name": "huge"}])).choose(&models), None);
    assert_eq!(ModelPreferences::default().choose(&models), None);
}
