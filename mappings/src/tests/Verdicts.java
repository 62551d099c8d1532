import java.io.File;
import javax.xml.transform.stream.StreamSource;
import org.xml.sax.ErrorHandler;
import org.xml.sax.SAXParseException;

/** Verdicts of Xerces 2: for each document one line, `valid` or `invalid` with the line of the first error. */
class Verdicts {
    public static void main(String[] arguments) throws Exception {
        var factory = new org.apache.xerces.jaxp.validation.XMLSchemaFactory();
        var validator = factory.newSchema(new File(arguments[0])).newValidator();
        for (int i = 1; i < arguments.length; i++) {
            var first = new int[] {0};
            validator.setErrorHandler(new ErrorHandler() {
                public void warning(SAXParseException e) { }
                public void error(SAXParseException e) { if (first[0] == 0) first[0] = e.getLineNumber(); }
                public void fatalError(SAXParseException e) { error(e); }
            });
            validator.validate(new StreamSource(new File(arguments[i])));
            System.out.println(first[0] == 0 ? "valid" : "invalid " + first[0]);
        }
    }
}
