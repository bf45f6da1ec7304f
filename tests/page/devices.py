"""What the tests do to the browser's camera and microphone: scripts for `page.evaluate`."""

WATCH_DEVICES = """() => {
    window.opened = [];
    const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wanted) => {
        const stream = await open(wanted);
        window.opened.push(...stream.getTracks());
        return stream;
    };
}"""
"""Keep in `window.opened` every track that the page was given."""

TRACKS = "window.opened.map(track => `${track.kind} ${track.readyState}`).sort()"
"""Give each of them with its state, in the order of the alphabet."""

SECOND_CAMERA = """() => {
    const devices = navigator.mediaDevices;
    const [list, open] = [devices.enumerateDevices.bind(devices), devices.getUserMedia.bind(devices)];
    const second = { kind: "videoinput", deviceId: "second", label: "Second camera" };
    devices.enumerateDevices = async () => [...await list(), second];
    devices.getUserMedia = (wanted) => {
        window.asked = wanted.video?.deviceId?.exact;
        return open(window.asked === "second" ? { ...wanted, video: true } : wanted);
    };
}"""
"""Have two cameras, which see the same; `window.asked` is the one that was asked for last."""

HOLD = """name => {
    window.held = [];
    const call = navigator.mediaDevices[name].bind(navigator.mediaDevices);
    navigator.mediaDevices[name] = async (...wanted) => {
        const answer = await call(...wanted);
        await new Promise((resolve) => window.held.push(resolve));
        return answer;
    };
}"""
"""Let the page wait for every answer of this call of the devices, as while the browser asks the visitor."""

RELEASE = """async (order) => {
    for (const number of order) {
        window.held[number]();
        await new Promise((resolve) => setTimeout(resolve));  // what waited for it has gone on
    }
}"""
"""Let the calls that are held be answered, in this order."""
