// One request while an aggregate serves it: its calls as they run, what they gave, and the answer that is made of it. Lives in
// the frame of aggregate(); a client that leaves destroys it, and with it the calls. One worker's.
//
// Every call is a Fork. One that ends starts those that waited for it alone; the last one, or one that spoils the answer,
// wakes the parent at the end of the loop's turn, outside of all calls, so that it may destroy them.
#pragma once

#include <coroutine>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/held.h"
#include "base/intrusive_list.h"
#include "gateway/actions.h"
#include "gateway/aggregate/aggregate.h"
#include "gateway/aggregate/call_outcome.h"
#include "gateway/exchange.h"
#include "http/content_coding.h"
#include "io/gate.h"
#include "io/loop.h"
#include "json/document.h"
#include "upstream/call.h"

namespace portico::gateway {

class Aggregation final : private io::Deferred {
  public:
    Aggregation(Exchange& x, const AggregateAction& action);
    ~Aggregation();

    io::Task<void> run();
    Result<std::string> describe(uint32_t call, std::string_view authority);

  private:
    struct Joined;
    // A request to a service, made once however many calls ask the same.
    struct Question {
        const AggregateCall* call = nullptr;  // the first that asks it
        std::string target;                   // path and query
        http::FieldList fields;               // of the call itself; in the exchange's arena
        std::string body;
        std::unique_ptr<upstream::CallAnswer> answer;  // of the worker's stock
        Result<void> done;
        int status = 0;                       // of the answer; 0: there is none
        bool empty = true;
        std::optional<http::CodingFault> miscoded;
        std::string coding{};                 // that is not known, where there is one
        std::optional<json::ParseError> broken;
        json::Document document;
        bool ended = false;
        IntrusiveList<Joined, Question> waiting;
    };
    struct Outcome {
        CallFailure failure = CallFailure::none;
        Error why{Fault::internal};
        int status = 0;
        const Question* question = nullptr;
        json::Document document;  // its root is the call's value; none: no value
    };
    struct Run {
        std::optional<io::Fork> fork;
        Outcome outcome;
        Time began{}, ended_at{};
        uint32_t waits = 0;            // calls that must end first
        uint32_t values = 0, failed = 0;  // of a for_each
        bool ended = false, skipped = false;
        bool missing = false;  // what a for_each iterates over: no call was made
    };
    // The values of a for_each, while its calls run.
    struct Fan {
        uint32_t index;
        std::vector<json::Value> values;  // distinct
        std::vector<Outcome> outcomes;
        size_t next = 0;
        size_t text = 0, held = 0;  // bytes of the answers so far, as text and as documents
        std::vector<const Question*> counted{};
    };
    // co_await, until another coroutine has got the question's answer.
    struct Joined : ListHook<Question> {
        explicit Joined(Question& q) : question(q) {}
        bool await_ready() const { return question.ended; }
        void await_suspend(std::coroutine_handle<> h) {
            waiter = h;
            question.waiting.push_back(*this);
        }
        void await_resume() const {}
        Question& question;
        std::coroutine_handle<> waiter;
    };

    io::Loop& loop() { return x_.context.loop; }
    bool over() const { return left_ == 0 || spoilt_; }
    // What templates name: the first `roots` of AggregateAction's places.
    Values values(size_t roots) const {
        return {.exchange = &x_, .error = nullptr, .roots = std::span(roots_).first(roots), .calls = calls_};
    }
    Values values() const { return values(action_.item_root()); }
    void on_deferred() override;

    // aggregation.cc
    io::Task<Result<void>> read_client_body();
    void begin(uint32_t index);
    io::Task<void> run_call(uint32_t index);
    io::Task<void> run_list(uint32_t index);
    io::Task<void> take_values(Fan& fan);
    Result<json::Document> values_of(const AggregateCall& call, Run& run, Fan& fan, std::vector<uint32_t>& places);
    static void count(Fan& fan, const Outcome& outcome);
    void join(const Fan& fan, const std::vector<uint32_t>& places, Run& run);
    void settle(uint32_t index);
    void note_end(io::Jobs::End end);
    void wake();
    void end(uint32_t index);
    void count_failure(uint32_t index, CallFailure failure);
    void fail_call(uint32_t index, const Outcome& outcome);
    void account(const Question& question);

    // call_question.cc
    io::Task<void> ask(const AggregateCall& call, const Values& values, Outcome& out);
    struct Asked {
        Question* question = nullptr;
        bool before = false;  // by another call
    };
    Result<Asked> question_of(const AggregateCall& call, const Values& values);
    // A target as it grows.
    struct Target {
        std::string text;
        bool has_query = false;
        size_t given = 0;  // bytes that values have put there, as they were before they were encoded
        void put(std::string_view name, std::string_view value);
    };
    Result<std::string> target_of(const AggregateCall& call, const Values& values);
    Result<void> put_text(const CallPair& pair, const Values& values, Target& target);
    Result<void> put_values(const AggregateCall& call, const CallPair& pair, const Values& values, Target& target);
    // @param body  a BodyTemplate or a DocumentCondition
    template <class Body>
    Error blamed(const AggregateCall& call, const Body& body, Error error) const {
        if (error.fault == Fault::answer_mapping && is_of_client(call, [&](size_t root) { return body.reads(root); })) error.fault = Fault::body_mapping;
        return error;
    }
    bool is_of_client(const AggregateCall& call, const std::function<bool(size_t root)>& reads) const;
    Result<void> write_fields(const AggregateCall& call, const Values& values, http::FieldList& fields);
    void write_shared_fields();
    static bool is_same(const Question& a, const Question& b);
    static uint64_t hash_of(const Question& question);
    Question* asked_before(const Question& question);
    void end_question(Question& question);
    void read_answer(Question& question);
    void judge(const AggregateCall& call, const Question& question, Outcome& out);
    upstream::CallRequest request_of(const AggregateCall& call, const Question& question, http::FieldList& shared) const;

    // aggregate_answer.cc
    Result<std::string> compose();
    Result<void> write_head();
    void add_errors(std::string& body);
    void add_timing();
    bool partial() const;
    void write_log(std::string& out) const;

    Exchange& x_;
    const AggregateAction& action_;
    Time deadline_{};
    json::Document client_body_;
    std::span<json::Value> roots_;     // by AggregateAction's places; in the exchange's arena
    std::span<CallResult> calls_;      // likewise
    std::vector<Run> runs_;
    std::vector<std::unique_ptr<Question>> questions_;
    std::unordered_multimap<uint64_t, Question*> by_hash_;  // once there are many, the first hashed_ of them: with a secret, of target and fields
    size_t hashed_ = 0;
    size_t bytes_asked_ = 0;           // of targets and bodies
    Held held_{Holding::made};         // for them and the fields
    http::FieldList shared_fields_;    // of every call
    io::Gate settled_;                 // opened once over(), outside of every call
    size_t left_ = 0;
    bool spoilt_ = false;
    Error error_{Fault::internal};     // where spoilt
    std::string_view retry_after_;     // goes with it
};

}  // namespace portico::gateway
