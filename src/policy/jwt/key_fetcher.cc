#include "policy/jwt/key_fetcher.h"

#include <algorithm>
#include <span>

#include "gateway/snapshot.h"
#include "policy/jwt/issuer_documents.h"
#include "policy/jwt/key_texts.h"

namespace portico::policy::jwt {
namespace {

constexpr uint32_t kMaxDocument = 256 * 1024;
// For reading the keys of one fetch.
constexpr io::Allowance kMostSteps = 10'000'000;
constexpr const char* kTooCostly = "it takes too many steps to read";
constexpr size_t kMostSaid = 5;
constexpr const char* kPassedOver = "portico_jwt_keys_passed_over";
constexpr const char* kPassedOverHelp = "Keys of an issuer's set that verify nothing, and why.";
constexpr Duration kLeastFresh = std::chrono::minutes(1);
constexpr Duration kMostFresh = std::chrono::hours(24);

std::string_view value_of(const upstream::CallAnswer& answer, std::string_view name) {
    const http::Field* field = answer.head.fields.find(name);
    return field == nullptr ? std::string_view{} : field->value;
}

// How long ago the keys were fetched. Also of keys too old to serve; nothing before there were any.
class KeyAge final : public observe::Asked {
  public:
    KeyAge(std::shared_ptr<const RemoteKeys> keys, const Clock& clock) : keys_(std::move(keys)), clock_(clock) {}
    std::optional<double> value() const override {
        const std::optional<Time> at = keys_->fetched_at();
        if (!at) return std::nullopt;
        return std::max(std::chrono::duration<double>(clock_.now() - *at).count(), 0.0);
    }

  private:
    std::shared_ptr<const RemoteKeys> keys_;
    const Clock& clock_;
};

// A key that was passed over.
class One final : public observe::Asked {
  public:
    std::optional<double> value() const override { return 1; }
};

// How many keys verify tokens now.
class KeyNumber final : public observe::Asked {
  public:
    explicit KeyNumber(std::shared_ptr<const RemoteKeys> keys) : keys_(std::move(keys)) {}
    std::optional<double> value() const override {
        const auto held = keys_->held().keys;
        return held == nullptr ? 0.0 : static_cast<double>(held->keys().size());
    }

  private:
    std::shared_ptr<const RemoteKeys> keys_;
};

}  // namespace

struct KeyFetcher::End::Bell {
    std::mutex mutex;
    io::Loop* loop = nullptr;
    End* end = nullptr;
};

KeyFetcher::End::~End() {
    if (bell_ == nullptr) return;
    keys_->leave(ticket_);
    const std::lock_guard lock(bell_->mutex);
    bell_->loop = nullptr;
    bell_->end = nullptr;
}

bool KeyFetcher::End::await_suspend(std::coroutine_handle<> h) {
    waiter_ = h;
    bell_ = std::make_shared<Bell>();
    bell_->loop = &loop_;
    bell_->end = this;
    // Posted even where the fetch ends on this thread: who waits must not run inside of it.
    ticket_ = keys_->await_end([bell = bell_] {
        const std::lock_guard lock(bell->mutex);
        if (bell->loop == nullptr) return;
        bell->loop->post([bell] {
            End* end;
            {
                const std::lock_guard inner(bell->mutex);
                end = bell->end;
            }
            if (end != nullptr) end->go();
        });
    });
    if (ticket_ == 0) return false;
    set(loop_.timers(), deadline_);
    return true;
}

void KeyFetcher::End::go() {
    cancel();
    if (waiter_) loop_.defer_one_of_many(*this);
}

void KeyFetcher::End::on_deferred() { std::exchange(waiter_, nullptr).resume(); }

KeyFetcher::KeyFetcher(gateway::Context& context, gateway::Epoch& epoch, const RemoteKeySettings& settings, std::shared_ptr<RemoteKeys> keys)
    : context_(context), epoch_(epoch), settings_(settings), keys_(std::move(keys)) {
    const auto cell = [&](const char* result) {
        return context_.registry.counter("portico_jwt_key_fetches_total", "Fetches of issuers' keys.", {{"source", settings_.shown()}, {"result", result}});
    };
    good_ = cell("good");
    empty_ = cell("empty");
    bad_ = cell("failed");
    age_ = std::make_shared<const KeyAge>(keys_, context.loop.clock());
    context_.registry.ask("portico_jwt_keys_age_seconds", "Since the last good fetch of an issuer's keys.", {{"source", settings_.shown()}}, age_);
    number_ = std::make_shared<const KeyNumber>(keys_);
    context_.registry.ask("portico_jwt_keys", "Keys of an issuer that verify tokens now.", {{"source", settings_.shown()}}, number_);
    // Unless another worker, or the snapshot before this one, has fetched them.
    if (keys_->held().keys == nullptr) context_.degraded(keys_, trouble(), "not fetched yet: its tokens are refused");
    // Named also while nothing is passed over.
    context_.registry.ask(kPassedOver, kPassedOverHelp, {}, {});
    set(context_.loop.timers(), context_.loop.now());
}

KeyFetcher::~KeyFetcher() {
    root_.cancel();
    // Whoever waits on another worker tries by itself; nobody is left without a fetch.
    if (holds_) keys_->abandon_fetch();
}

KeyFetcher::End KeyFetcher::end(Time deadline) { return End(context_.loop, keys_, deadline); }

bool KeyFetcher::look_for(std::string_view key_id) { return begun(keys_->begin_fetch_for(key_id, context_.loop.now())); }

bool KeyFetcher::look_again() { return begun(keys_->begin_fetch_again(context_.loop.now())); }

bool KeyFetcher::fetch_due() { return begun(keys_->begin_due_fetch(context_.loop.now())); }

bool KeyFetcher::begun(bool here) {
    if (!here) return keys_->fetching();
    holds_ = true;
    start();
    return true;
}

io::Task<void> KeyFetcher::prepare(const gateway::Rehearsal& with) {
    const bool missing = keys_->held().keys == nullptr;
    if (missing && with.keys) {
        auto given = keys_from_text(*with.keys);
        if (given && keys_->begin_due_fetch(context_.loop.now())) keys_->end_fetch(*std::move(given), settings_.refresh, context_.loop.now());
    } else if (missing) {
        if (settings_.service >= 0 && with.reach) co_await with.reach(static_cast<size_t>(settings_.service));
        // The document that names the keys, and the keys.
        const Time deadline = context_.loop.precise_now() + 2 * settings_.timeout;
        if (fetch_due()) co_await end(deadline);
    }
    keys_->rest();
}

void KeyFetcher::on_timer() {
    if (context_.epoch != nullptr && context_.epoch.get() != &epoch_) return;
    fetch_due();
    // Somebody else may fetch meanwhile, and fail: looked at again before long.
    const Time next = std::max(keys_->due(), context_.loop.now() + std::chrono::seconds(1));
    set(context_.loop.timers(), next);
}

void KeyFetcher::start() { root_.start(run(), this); }

void KeyFetcher::on_root_done() {}

io::Task<void> KeyFetcher::run() {
    auto done = co_await fetch_keys();
    holds_ = false;
    if (done) co_return;
    context_.shard.add(bad_);
    const std::string why = std::string(done.error().code()) + (done.error().context.empty() ? "" : ": " + done.error().context);
    context_.say("the keys of " + settings_.shown() + " could not be fetched: " + why);
    keys_->fail_fetch(context_.loop.now(), why);
    context_.degraded(keys_, trouble(), "could not be fetched: " + why + (keys_->held().keys == nullptr ? "; its tokens are refused" : "; those that were fetched before serve on"));
    const Time next = std::max(keys_->due(), context_.loop.now());
    set(context_.loop.timers(), next);
}

io::Task<Result<void>> KeyFetcher::get(const std::string& url, upstream::CallAnswer& answer) {
    Result<void> done;
    if (settings_.service >= 0 && url == settings_.url) {
        http::FieldList fields;
        fields.add("Accept", "application/json");
        upstream::CallRequest request;
        request.target = settings_.path;
        request.fields = &fields;
        request.max_body = kMaxDocument;
        request.timeouts.connect = request.timeouts.first_byte = request.timeouts.idle = request.timeouts.total = settings_.timeout;
        done = co_await upstream::call(context_.loop, *epoch_.services[static_cast<size_t>(settings_.service)], request, answer);
    } else {
        const auto parsed = gateway::FetchUrl::parse(url);
        if (!parsed) co_return fail(Fault::upstream_protocol, "\"" + url.substr(0, url.find('?')) + "\" is not a URL");
        done = co_await gateway::fetch(context_, *parsed, settings_.tls, settings_.timeout, kMaxDocument, answer);
    }
    // What was asked: the URL of the keys may be the issuer's own choice. Its query may hold a secret.
    const std::string asked = "GET " + url.substr(0, url.find('?'));
    if (!done) {
        Error error = std::move(done).error();
        error.context = asked + (error.context.empty() ? "" : ": " + error.context);
        co_return fail(std::move(error));
    }
    if (answer.head.status != 200) {
        co_return fail(Fault::upstream_protocol, asked + ": it answered with status " + std::to_string(answer.head.status) + ", where 200 is wanted");
    }
    co_return done;
}

io::Task<Result<void>> KeyFetcher::fetch_keys() {
    std::string url = settings_.url;
    if (settings_.discovery) {
        if (settings_.service < 0) url = discovery_url(settings_.issuer);
        upstream::CallAnswer document;
        auto got = co_await get(url, document);
        if (!got) co_return got;
        const auto parsed = gateway::FetchUrl::parse(settings_.issuer);
        const bool plain = parsed && !parsed->tls;
        Readable<Discovery> discovery;
        if (!co_await read([&] { discovery = read_discovery(document.body, settings_.issuer, plain ? KeyTransport::http_allowed : KeyTransport::https); })) {
            discovery = std::unexpected(kTooCostly);
        }
        if (!discovery) co_return fail(Fault::upstream_protocol, "the issuer's document " + url.substr(0, url.find('?')) + ": " + discovery.error());
        url = discovery->keys_url;
    }
    upstream::CallAnswer answer;
    auto got = co_await get(url, answer);
    if (!got) co_return got;
    Readable<KeySet> keys;
    if (!co_await read([&] { keys = keys_from_json(answer.body, KeyOrigin::published, {.may_be_empty = true}); })) keys = std::unexpected(kTooCostly);
    co_return take(answer, std::move(keys));
}

// An issuer's document may take some milliseconds: others are served in between.
template <typename F>
io::Task<bool> KeyFetcher::read(F f) {
    io::Allowance allowance = kMostSteps;
    co_return co_await context_.jobs.run(IpAddress(), nullptr, allowance, io::Timer::kNever, std::move(f)) == io::Jobs::End::whole;
}

Result<void> KeyFetcher::take(const upstream::CallAnswer& answer, Readable<KeySet> read) {
    if (!read) return fail(Fault::upstream_protocol, "the keys: " + read.error());
    tell_passed_over(read->passed_over());
    if (read->empty() && keys_->held().keys == nullptr) {
        return fail(Fault::upstream_protocol, read->passed_over().empty() ? "the keys: the set is empty" : "the keys: none of the set can be used");
    }
    const Duration fresh = freshness({value_of(answer, "cache-control"), value_of(answer, "age"), value_of(answer, "date"), value_of(answer, "expires")},
                                     {kLeastFresh, kMostFresh, settings_.refresh});
    tell(keys_->end_fetch(*std::move(read), fresh, context_.loop.now()));
    return {};
}

// Said once of each key, and not again with every fetch: an issuer may publish for years what is meant for others.
void KeyFetcher::tell_passed_over(const std::vector<PassedOverKey>& keys) {
    std::vector<std::shared_ptr<const observe::Asked>> samples;
    for (const PassedOverKey& key : keys) {
        samples.push_back(std::make_shared<const One>());
        context_.registry.ask(kPassedOver, kPassedOverHelp,
                              {{"source", settings_.shown()}, {"key", key.name()}, {"reason", key.why}}, samples.back());
    }
    const std::vector<PassedOverKey> fresh = keys_->note_passed_over(keys, std::move(samples));
    // A set may hold a hundred, each time with other names.
    for (const PassedOverKey& key : std::span(fresh).first(std::min(fresh.size(), kMostSaid))) {
        context_.say("the key \"" + key.name() + "\" of " + settings_.shown() + " was passed over: " + key.why);
    }
    if (fresh.size() > kMostSaid) {
        context_.say(std::to_string(fresh.size() - kMostSaid) + " more keys of " + settings_.shown() + " were passed over: " + kPassedOver + " names them");
    }
}

void KeyFetcher::tell(RemoteKeys::Fetched fetched) {
    using enum RemoteKeys::Fetched;
    context_.shard.add(fetched == taken || fetched == taken_again ? good_ : empty_);
    const bool withdrew = fetched == withdrawn || fetched == still_withdrawn;
    context_.degraded(keys_, trouble(), withdrew ? "the issuer has withdrawn them: its tokens are refused" : "");
    switch (fetched) {
        case taken:
        case still_withdrawn: return;
        case taken_again: return context_.say("the keys of " + settings_.shown() + " were fetched again");
        case doubted:
            set(context_.loop.timers(), std::max(keys_->due(), context_.loop.now()));
            return context_.say("the set of keys of " + settings_.shown() + " holds no usable key: it is asked once more before the old ones are given up");
        case withdrawn: return context_.say("the keys of " + settings_.shown() + " were withdrawn: its set holds no usable key, and its tokens are refused");
    }
}

}  // namespace portico::policy::jwt
