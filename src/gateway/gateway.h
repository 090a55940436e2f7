// The gateway as a Handler: what a server hands each of its requests to. Without state of its own: everything is in the
// exchange, its epoch and its context, so that one serves a whole worker. See exchange.cc.
#pragma once

#include "gateway/handler.h"

namespace portico::gateway {

struct ChainLink;
struct PolicyCells;
struct Verdict;

class Gateway final : public Handler {
  public:
    io::Task<void> handle(Exchange& x) override;
    io::Task<void> refuse(Exchange& x, Error error) override;
    void complete(Exchange& x) override;

    // One policy's turn on the way in, and what becomes of a verdict that only its shadow gave: for `explain` too, so that it judges
    // as a running gateway does.
    static Verdict ask(Exchange& x, const ChainLink& link);
    static void note_shadow(Exchange& x, const ChainLink& link, const Verdict& verdict);

  private:
    static io::Task<void> act(Exchange& x);
    static io::Task<void> answer_options(Exchange& x, std::string allow);
    static io::Task<void> answer_last_options(Exchange& x);
    static io::Task<void> respond_for(Exchange& x, const ChainLink& link, PolicyCells& cells);
};

}  // namespace portico::gateway
