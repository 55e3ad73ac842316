//! Whatever comes, there is one answer.

use super::*;

#[test]
fn whatever_the_parameters_are_there_is_one_answer_and_no_panic() {
    // R-LM-4, R-FS-18
    let tool = Tool::new("t")
        .param::<String>("text", "")
        .optional_param::<u8>("small", "")
        .optional_param::<f64>("number", "")
        .optional_param::<Vec<Vec<i64>>>("lists", "")
        .optional_one_of("unit", "", &["a", "b"]);
    let mut client = with_tool(NEWEST, tool, |call| {
        let text = call.arg::<&str>("text")?.len();
        let small = call.arg::<Option<u8>>("small")?;
        let number = call.arg::<Option<f64>>("number")?;
        let lists = call.arg::<Option<Vec<Vec<i64>>>>("lists")?;
        let whole = call.arguments::<Value>()?;
        call.progress(number.unwrap_or_default(), number, Some("step"));
        Ok(format!("{text} {small:?} {lists:?} {whole}"))
    });
    let names = ["text", "small", "number", "lists", "unit", "te\\u0078t", ""];
    let values = [
        "\"\"",
        "\"a\"",
        "\"\\n\"",
        "\"\\ud800\"",
        "\"\\ud83d\\ude00\"",
        "\"b\"",
        "null",
        "true",
        "0",
        "-0",
        "-1",
        "255",
        "256",
        "1.5",
        "1e2",
        "1e999",
        "-1e-999",
        "0.0e0",
        "123456789012345678901234567890",
        "[]",
        "[[]]",
        "[[1],[2,3.0]]",
        "[[1.5]]",
        "[null]",
        "{}",
        "{\"text\":1}",
        " 1 ",
        "\t\"x\" ",
    ];
    let tokens =
        ["1", "\"p\"", "\"\\ud800\"", "null", "1.5", "{}", "12345678901234567890123456789012345678901234567890"];
    let mut random = Random::new(5);
    let (mut answers, mut errors) = (0, 0);
    for id in 1..=20_000 {
        let count = random.below(3);
        let arguments: Vec<String> =
            (0..count).map(|_| format!("\"{}\":{}", random.pick(&names), random.pick(&values))).collect();
        let meta = match random.below(3) {
            0 => format!(",\"_meta\":{{\"progressToken\":{}}}", random.pick(&tokens)),
            _ => String::new(),
        };
        let arguments = arguments.join(",");
        let params = format!("{{\"name\":\"t\",\"arguments\":{{{arguments}}}{meta}}}");
        let message = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"tools/call\",\"params\":{params}}}");
        assert_eq!(client.send_text(&message), Outcome::Answered);
        let sent = client.sent();
        let (answer, reports) = sent.split_last().unwrap();
        assert_eq!(answer["id"], id, "{message}");
        assert_ne!(answer.get("result").is_some(), answer.get("error").is_some(), "{message}");
        assert!(reports.iter().all(|report| report.get("id").is_none()), "{message}");
        assert_ne!(answer["result"], failure("`t` failed: internal error"), "{message}");
        let is_success = answer["result"].get("content").is_some() && answer["result"].get("isError").is_none();
        if is_success { answers += 1 } else { errors += 1 }
    }
    assert!(answers > 500 && errors > 500, "{answers} {errors}");
    assert_eq!(client.session.in_flight(), 0);
}
