// Where an episode takes place: in the simulation, or on sockets of this machine. For tests only.
#pragma once

#include <functional>

#include "server/model/gateway_under_test.h"
#include "server/model/wire.h"

namespace portico::server::model {

class Ground {
  public:
    using Accept = std::function<void(std::unique_ptr<Wire>)>;
    virtual ~Ground() = default;
    virtual Time now() const = 0;
    virtual std::unique_ptr<io::Loop> loop() = 0;
    // One turn of each gateway; time passes, `most` at the longest, where nothing else happens.
    virtual void turn(std::span<io::Loop* const> loops, Duration most) = 0;
    virtual std::string serve(Accept accept) = 0;  // @returns host:port
    // Lets a gateway listen. @returns how a client reaches it
    virtual std::function<std::unique_ptr<Wire>()> listen(GatewayUnderTest& gateway) = 0;
};

class SimGround final : public Ground {
  public:
    explicit SimGround(const io::SimWeather& weather) : net_(weather) {}
    Time now() const override { return const_cast<io::SimNetwork&>(net_).clock().now(); }
    std::unique_ptr<io::Loop> loop() override { return std::make_unique<io::Loop>(net_.backend(), net_.clock()); }
    void turn(std::span<io::Loop* const> loops, Duration most) override { net_.turn(loops, most); }
    std::string serve(Accept accept) override {
        const std::string address = "10.0.1." + std::to_string(++services_) + ":80";
        net_.serve(*SocketAddress::parse(address), [accept = std::move(accept)](std::unique_ptr<io::SimPeer> peer) { accept(std::make_unique<SimWire>(std::move(peer))); });
        return address;
    }
    std::function<std::unique_ptr<Wire>()> listen(GatewayUnderTest& gateway) override {
        const SocketAddress front = *SocketAddress::parse("10.0.0." + std::to_string(++fronts_) + ":80");
        gateway.listen(net_.listener(front));
        return [this, front]() -> std::unique_ptr<Wire> {
            auto peer = net_.connect_peer(front, {*IpAddress::parse("10.0.2.1"), ++ports_});
            if (peer == nullptr) return nullptr;
            return std::make_unique<SimWire>(std::move(peer));
        };
    }

  private:
    io::SimNetwork net_;
    uint32_t services_ = 0, fronts_ = 0;
    uint16_t ports_ = 1000;
};

}  // namespace portico::server::model
