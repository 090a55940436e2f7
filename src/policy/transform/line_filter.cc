#include "policy/transform/line_filter.h"

#include "base/held.h"
#include "json/document.h"
#include "json/lines.h"

namespace portico::policy::transform {
namespace {

// What is made of lines goes on after so many bytes.
constexpr size_t kPiece = size_t{64} << 10;

class LineFilter final : public gateway::BodyFilter {
  public:
    LineFilter(gateway::Exchange& x, const AnswerCase& of, const Tally& tally) : x_(x), of_(of), tally_(tally), lines_(of.max_body) {}

    bool wants_whole() const override { return false; }
    size_t max_body() const override { return SIZE_MAX; }

    Result<void> take(std::string_view part, bool last, std::string& out) override {
        lines_.give(part, last);
        return go_on(out);
    }
    bool has_more() const override { return has_more_; }
    Result<void> go_on(std::string& out) override {
        has_more_ = false;
        const size_t begin = out.size();
        while (const auto line = lines_.next()) {
            if (auto changed = change(*line, out); !changed) {
                Error error = std::move(changed).error();
                error.context = "line " + std::to_string(lines_.count()) + ": " + error.context;
                return fail(std::move(error));
            }
            out += '\n';
            has_more_ = out.size() - begin >= kPiece;
            if (has_more_) return {};
        }
        if (!held_.set(lines_.held())) return fail(Fault::memory, "a line that has not ended");
        if (lines_.is_too_long()) return fail(Fault::answer_too_large, "a line of more than " + std::to_string(of_.max_body) + " bytes");
        return {};
    }

  private:
    Result<void> change(std::string_view line, std::string& out) {
        json::Document document;
        const bool first = lines_.count() == 1;
        if (of_.lines.reads_body()) {
            auto parsed = json::Document::parse(line, {.max_size = of_.max_body, .byte_order_mark = first ? json::ByteOrderMark::pass_over : json::ByteOrderMark::refuse});
            if (!parsed) return fail(Fault::answer_not_json, parsed.error().text() + " of a line");
            document = std::move(*parsed);
        }
        const json::Value root = document.root();
        gateway::Values values = x_.values();
        values.roots = {&root, 1};
        auto made = of_.lines.make(values, out);
        if (!made) return fail(std::move(made).error());
        tally_.add_mismatches(x_, *made);
        return {};
    }

    gateway::Exchange& x_;
    const AnswerCase& of_;
    const Tally& tally_;
    json::LineSplitter lines_;
    bool has_more_ = false;  // or may have
    Held held_{Holding::response_bodies};  // of a line that has not ended
};

}  // namespace

std::unique_ptr<gateway::BodyFilter> make_line_filter(gateway::Exchange& x, const AnswerCase& of, const Tally& tally) {
    return std::make_unique<LineFilter>(x, of, tally);
}

}  // namespace portico::policy::transform
