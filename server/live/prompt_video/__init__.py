"""Video without the delays of aiortc: pictures as soon as they are whole, and never a broken one.

aiortc 1.16.0 hands a picture over when the next one begins, one for each packet at most; it asks
for a lost packet once, and takes a picture as lost when 512 packets have come after it. Then it
decodes on, with what is missing drawn from older pictures. What is here takes the place of its
jitter buffer and of what asks for lost packets, in one receiver at a time.

`keyframes` reads where a keyframe begins, `way` learns how long what is asked for takes, `assembly`
makes frames of packets and knows what to ask for, all without network and clock; `relief` allows a
sender less while packets wait on their way; `receiver` puts them into a receiver of aiortc, by
names that are its own affair. So it does that with the one version it was written for, and with no
other.
"""

from .receiver import PromptVideo, install

__all__ = ["PromptVideo", "install"]
